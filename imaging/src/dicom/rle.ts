import { ImagingError } from '../errors.ts';
import { byPixel } from './codec.ts';
import type { Samples } from './codec.ts';

/** Samples of a frame, by pixel. */
type Shape = { readonly pixels: number; readonly samplesPerPixel: number; readonly bytesPerSample: 1 | 2 };

const HEADER_BYTES = 64;
const NO_OPERATION = 128;
// From here on a call of fill or set costs less than a loop (measured on a CT slice: 0.4 ms instead of 1.0).
const LONG_RUN = 32;

/**
 * RLE Lossless (PS3.5 annex G) of one frame: one PackBits segment per byte of a pixel, sample by sample and the most
 * significant byte first. Returns the samples by pixel. Another number of segments, a segment that is short or long,
 * and a run that crosses the end are PIXEL_LENGTH_MISMATCH; offsets out of order or of the frame are CORRUPT.
 */
export function decodeRle(frame: Uint8Array, { pixels, samplesPerPixel, bytesPerSample }: Shape): Samples {
  const segments = readSegments(frame, samplesPerPixel * bytesPerSample);
  const planes = new Uint8Array(segments.length * pixels);
  for (const [at, segment] of segments.entries()) {
    unpack(segment, planes.subarray(at * pixels, (at + 1) * pixels));
  }
  if (bytesPerSample === 1) return samplesPerPixel === 1 ? planes : byPixel(planes, samplesPerPixel);
  const samples = new Uint16Array(pixels * samplesPerPixel);
  for (let sample = 0; sample < samplesPerPixel; sample += 1) {
    const high = planes.subarray(2 * sample * pixels, (2 * sample + 1) * pixels);
    const low = planes.subarray((2 * sample + 1) * pixels, (2 * sample + 2) * pixels);
    for (let at = 0, to = sample; at < pixels; at += 1, to += samplesPerPixel) {
      samples[to] = ((high[at] ?? 0) << 8) | (low[at] ?? 0);
    }
  }
  return samples;
}

function readSegments(frame: Uint8Array, wanted: number): readonly Uint8Array[] {
  if (frame.length < HEADER_BYTES) throw new ImagingError('TRUNCATED');
  const header = new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES);
  if (header.getUint32(0, true) !== wanted) {
    throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'The RLE frame has not one segment per byte of a pixel.');
  }
  return Array.from({ length: wanted }, (_, segment) => {
    const from = header.getUint32(4 + 4 * segment, true);
    const to = segment + 1 < wanted ? header.getUint32(8 + 4 * segment, true) : frame.length;
    if (from < HEADER_BYTES || to < from || to > frame.length) {
      throw new ImagingError('CORRUPT', 'The RLE segment offsets are out of order.');
    }
    return frame.subarray(from, to);
  });
}

/** PackBits; pad bytes after the last run are left unread. */
function unpack(packed: Uint8Array, plane: Uint8Array): void {
  let at = 0;
  let to = 0;
  while (to < plane.length) {
    const control = packed[at];
    if (control === undefined) throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'An RLE segment is short.');
    at += 1;
    if (control === NO_OPERATION) continue;
    const repeated = control > NO_OPERATION;
    const count = repeated ? 257 - control : control + 1;
    const stop = to + count;
    if (stop > plane.length || at + (repeated ? 1 : count) > packed.length) {
      throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'An RLE run crosses the end of its segment.');
    }
    if (repeated) {
      const value = packed[at] ?? 0;
      if (count >= LONG_RUN) plane.fill(value, to, stop);
      else for (let k = to; k < stop; k += 1) plane[k] = value;
      at += 1;
    } else {
      if (count >= LONG_RUN) plane.set(packed.subarray(at, at + count), to);
      else for (let k = 0; k < count; k += 1) plane[to + k] = packed[at + k] ?? 0;
      at += count;
    }
    to = stop;
  }
  for (; at < packed.length; at += 1) {
    if (packed[at] !== 0 && packed[at] !== NO_OPERATION) {
      throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'An RLE segment is long.');
    }
  }
}
