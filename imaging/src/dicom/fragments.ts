import { ImagingError } from '../errors.ts';
import { checkLimit } from './limits.ts';

const ITEM = 0xff_fe_e0_00;
const SEQUENCE_END = 0xff_fe_e0_dd;

/** Where a fragment's bytes lie in the data set. */
export type Fragment = { readonly offset: number; readonly length: number };

/** An encapsulated Pixel Data value (PS3.5 A.4). */
export type Encapsulated = {
  /** Offsets of the frames' first items from that of the first fragment; empty where the table is. */
  readonly offsetTable: readonly number[];
  readonly fragments: readonly Fragment[];
};

/**
 * The items of an encapsulated Pixel Data value that starts at `start`, always little endian. They are walked by
 * their declared lengths, so delimiters inside a fragment mean nothing, and an item or the sequence that does not
 * end within the file is TRUNCATED.
 */
export function readEncapsulated(bytes: Uint8Array, start: number): Encapsulated {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Fragment[] = [];
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
    found.push({ offset: at, length });
    checkLimit('fragments', found.length, 'fragments');
    at += length;
  }
  const [table, ...fragments] = found;
  if (table === undefined || fragments.length === 0) {
    throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'The Pixel Data hold no fragment.');
  }
  if (table.length % 4 !== 0 || table.length / 4 > fragments.length) {
    throw new ImagingError('CORRUPT', 'The offset table of the Pixel Data has another size than its frames.');
  }
  const offsetTable = Array.from({ length: table.length / 4 }, (_, k) =>
    view.getUint32(table.offset + 4 * k, true),
  );
  return { offsetTable, fragments };
}

/** The bytes of one frame: a view where it is one fragment, else a copy of its fragments in a row. */
export function joinFragments(bytes: Uint8Array, fragments: readonly Fragment[]): Uint8Array {
  const parts = fragments.map(({ offset, length }) => bytes.subarray(offset, offset + length));
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  return new Uint8Array(Buffer.concat(parts));
}
