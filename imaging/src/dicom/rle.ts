import { ImagingError } from '../errors.ts';

/** Samples of a frame, by pixel. */
type Shape = { readonly pixels: number; readonly samplesPerPixel: number; readonly bytesPerSample: 1 | 2 };

const HEADER_BYTES = 64;
const NO_OPERATION = 128;

/**
 * RLE Lossless (PS3.5 annex G) of one frame: one PackBits segment per byte of a pixel, sample by sample and the most
 * significant byte first. Returns the samples by pixel. Another number of segments, a segment that is short or long,
 * and a run that crosses the end are PIXEL_LENGTH_MISMATCH; offsets out of order or of the frame are CORRUPT.
 */
export function decodeRle(frame: Uint8Array, { pixels, samplesPerPixel, bytesPerSample }: Shape) {
  const segments = readSegments(frame, samplesPerPixel * bytesPerSample);
  if (bytesPerSample === 1) {
    const out = new Uint8Array(pixels * samplesPerPixel);
    for (const [sample, segment] of segments.entries()) unpack(segment, out, sample, samplesPerPixel);
    return out;
  }
  const planes = segments.map((segment) => {
    const plane = new Uint8Array(pixels);
    unpack(segment, plane, 0, 1);
    return plane;
  });
  const out = new Uint16Array(pixels * samplesPerPixel);
  for (let sample = 0; sample < samplesPerPixel; sample += 1) {
    const [high, low] = planes.slice(2 * sample);
    if (high !== undefined && low !== undefined) join(high, low, out, sample, samplesPerPixel);
  }
  return out;
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

/** PackBits into every `stride`-th byte from `start`; pad bytes after the last run are left unread. */
function unpack(packed: Uint8Array, into: Uint8Array, start: number, stride: number): void {
  const end = into.length;
  let at = 0;
  let to = start;
  while (to < end) {
    const control = packed[at];
    if (control === undefined) throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'An RLE segment is short.');
    at += 1;
    if (control === NO_OPERATION) continue;
    const repeated = control > NO_OPERATION;
    const count = repeated ? 257 - control : control + 1;
    if (to + (count - 1) * stride >= end || at + (repeated ? 1 : count) > packed.length) {
      throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'An RLE run crosses the end of its segment.');
    }
    const stop = to + count * stride;
    if (repeated) {
      const value = packed[at] ?? 0;
      for (at += 1; to < stop; to += stride) into[to] = value;
    } else {
      for (; to < stop; to += stride, at += 1) into[to] = packed[at] ?? 0;
    }
  }
  for (; at < packed.length; at += 1) {
    if (packed[at] !== 0 && packed[at] !== NO_OPERATION) {
      throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'An RLE segment is long.');
    }
  }
}

function join(high: Uint8Array, low: Uint8Array, into: Uint16Array, start: number, stride: number): void {
  for (let at = 0, to = start; at < high.length; at += 1, to += stride) {
    into[to] = ((high[at] ?? 0) << 8) | (low[at] ?? 0);
  }
}
