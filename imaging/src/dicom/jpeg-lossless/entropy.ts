import { ImagingError } from '../../errors.ts';
import { FAST_BITS, extend } from './huffman.ts';
import type { HuffmanTable } from './huffman.ts';

/** The entropy-coded data of one scan without its stuffing; a restart begins a new interval. */
export type ScanData = {
  /** Ends in zeros, enough for `readDifferences` to run past the data by one row and find out there. */
  readonly view: DataView;
  readonly intervals: readonly { readonly startBit: number; readonly endBit: number }[];
  /** Where the marker is that ended the scan. */
  readonly next: number;
};

/** Tables of the components of a scan, one after the other, and the `fast` parts of them in one array. */
export type ScanTables = { readonly tables: readonly HuffmanTable[]; readonly fast: Int32Array };

const FAST_SIZE = 1 << FAST_BITS;
const RESTARTS = 8;

/**
 * Takes the stuffed zeros out (ISO/IEC 10918-1 B.1.1.5) and splits at the restart markers, which count from 0 to 7
 * and around. `slack` bytes of zeros follow the data. A scan that no marker ends is TRUNCATED.
 */
export function unstuff(frame: Uint8Array, from: number, slack: number): ScanData {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  const out = new Uint8Array(frame.length - from + slack);
  const intervals: { startBit: number; endBit: number }[] = [];
  let start = 0;
  let to = 0;
  let at = from;
  for (;;) {
    const found = bytes.indexOf(0xff, at);
    if (found === -1 || found + 1 >= frame.length) throw new ImagingError('TRUNCATED');
    const follows = frame[found + 1] ?? 0;
    const end = follows === 0 ? found + 1 : found;
    out.set(frame.subarray(at, end), to);
    to += end - at;
    at = found + (follows === 0xff ? 1 : 2);
    if (follows === 0 || follows === 0xff) continue;
    intervals.push({ startBit: start * 8, endBit: to * 8 });
    start = to;
    if (follows < 0xd0 || follows > 0xd7) return { view: new DataView(out.buffer), intervals, next: found };
    if (follows - 0xd0 !== (intervals.length - 1) % RESTARTS) {
      throw new ImagingError('CORRUPT', 'A restart marker of the JPEG is out of order.');
    }
  }
}

export function scanTables(tables: readonly HuffmanTable[]): ScanTables {
  const fast = new Int32Array(tables.length * FAST_SIZE);
  for (const [at, table] of tables.entries()) fast.set(table.fast, at * FAST_SIZE);
  return { tables, fast };
}

/**
 * Fills `into` with differences, the components of a pixel by turns, from the bit `position` on; returns the bit
 * after them. Does not look for the end of the data: the caller compares, row by row.
 */
export function readDifferences(
  view: DataView,
  position: number,
  { tables, fast }: ScanTables,
  into: Int32Array,
): number {
  let bit = position;
  let base = 0;
  for (let at = 0; at < into.length; at += 1) {
    // 25 bits or more from `bit` on, left-aligned.
    const window = view.getInt32(bit >>> 3) << (bit & 7);
    let entry = fast[base + (window >>> (32 - FAST_BITS))] ?? 0;
    if (entry === 0) entry = readLong(view, bit, tables[base / FAST_SIZE]);
    into[at] = entry >> 6;
    bit += entry & 63;
    base += FAST_SIZE;
    if (base === fast.length) base = 0;
  }
  return bit;
}

/** `difference * 64 + bits read` of a code that has no place in `fast`. */
function readLong(view: DataView, bit: number, table: HuffmanTable | undefined): number {
  if (table === undefined) throw new ImagingError('CORRUPT');
  const code = peek(view, bit, 16);
  for (let length = 1; length <= 16; length += 1) {
    if (code >= (table.limits[length] ?? 0)) continue;
    const category = table.categories[(code >>> (16 - length)) + (table.offsets[length] ?? 0)] ?? 0;
    const extra = category === 16 ? 0 : category;
    return extend(extra === 0 ? 0 : peek(view, bit + length, extra), category) * 64 + length + extra;
  }
  throw new ImagingError('CORRUPT', 'The JPEG holds a code that its Huffman table does not have.');
}

function peek(view: DataView, bit: number, count: number): number {
  return (view.getInt32(bit >>> 3) << (bit & 7)) >>> (32 - count);
}
