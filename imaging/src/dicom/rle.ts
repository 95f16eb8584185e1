import { ImagingError } from '../errors.ts';

const HEADER_BYTES = 64;

/**
 * RLE Lossless (PS3.5 annex G) of one single-sample frame: one PackBits segment per byte of a sample, the most
 * significant first. Returns the samples in little-endian order. A segment that is short, or whose run crosses its
 * end, is PIXEL_LENGTH_MISMATCH.
 */
export function decodeRle(frame: Uint8Array, samples: number, bytesPerSample: 1 | 2): Uint8Array {
  if (frame.length < HEADER_BYTES) throw new ImagingError('TRUNCATED');
  const header = new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES);
  if (header.getUint32(0, true) !== bytesPerSample) {
    throw new ImagingError(
      'PIXEL_LENGTH_MISMATCH',
      'The RLE frame has not one segment per byte of a sample.',
    );
  }
  const pixels = new Uint8Array(samples * bytesPerSample);
  for (let segment = 0; segment < bytesPerSample; segment += 1) {
    const from = header.getUint32(4 + 4 * segment, true);
    const to = segment + 1 < bytesPerSample ? header.getUint32(8 + 4 * segment, true) : frame.length;
    if (from < HEADER_BYTES || to < from || to > frame.length) {
      throw new ImagingError('CORRUPT', 'The RLE segment offsets are out of order.');
    }
    unpack(frame.subarray(from, to), pixels, bytesPerSample - 1 - segment, bytesPerSample);
  }
  return pixels;
}

/** PackBits into every `stride`-th byte from `start`; a pad byte after the last run is left unread. */
function unpack(packed: Uint8Array, into: Uint8Array, start: number, stride: number): void {
  let at = 0;
  let to = start;
  while (to < into.length) {
    const control = packed[at];
    if (control === undefined) throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'An RLE segment is short.');
    at += 1;
    if (control === 128) continue;
    const repeated = control > 128;
    const count = repeated ? 257 - control : control + 1;
    if (to + (count - 1) * stride >= into.length || at + (repeated ? 1 : count) > packed.length) {
      throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'An RLE run crosses the end of its segment.');
    }
    for (let k = 0; k < count; k += 1) {
      into[to] = packed[repeated ? at : at + k] ?? 0;
      to += stride;
    }
    at += repeated ? 1 : count;
  }
}
