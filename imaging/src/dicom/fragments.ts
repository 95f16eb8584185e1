import { ImagingError } from '../errors.ts';

const ITEM = 0xff_fe_e0_00;
const SEQUENCE_END = 0xff_fe_e0_dd;

/**
 * The one frame of an encapsulated Pixel Data value (PS3.5 A.4): the fragments after the offset table, joined. Items
 * are walked by their declared lengths, so delimiters inside a fragment mean nothing, and an item or the sequence
 * that does not end within the file is TRUNCATED.
 */
export function joinFragments(bytes: Uint8Array, start: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fragments: Uint8Array[] = [];
  let at = start;
  for (;;) {
    if (at + 8 > bytes.length) throw new ImagingError('TRUNCATED');
    const tag = view.getUint16(at, true) * 0x1_00_00 + view.getUint16(at + 2, true);
    const length = view.getUint32(at + 4, true);
    at += 8;
    if (tag === SEQUENCE_END) break;
    if (tag !== ITEM)
      throw new ImagingError('CORRUPT', 'The compressed Pixel Data are not a sequence of items.');
    if (at + length > bytes.length) throw new ImagingError('TRUNCATED');
    fragments.push(bytes.subarray(at, at + length));
    at += length;
  }
  // The first item is the basic offset table; for one frame it has nothing to tell.
  const [, ...frame] = fragments;
  if (frame.length === 0) throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'The Pixel Data hold no fragment.');
  return new Uint8Array(Buffer.concat(frame));
}
