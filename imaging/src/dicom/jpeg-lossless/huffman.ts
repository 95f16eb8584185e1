import { ImagingError } from '../../errors.ts';

/** Codes of at most this many bits, their difference included, are read by one look into `fast`. */
export const FAST_BITS = 12;

/**
 * One Huffman table of the lossless process (ISO/IEC 10918-1 H.1.2.2): codes of categories SSSS, each followed by
 * SSSS bits of the difference.
 */
export type HuffmanTable = {
  /** By the next FAST_BITS bits: `difference * 64 + bits read`, or 0 where the code is longer than that. */
  readonly fast: Int32Array;
  /** By code length (1 to 16): the first code that is longer, left-aligned in 16 bits. */
  readonly limits: Int32Array;
  /** By code length: what to add to a code for its place in `categories`. */
  readonly offsets: Int32Array;
  readonly categories: Uint8Array;
};

/** The tables of one DHT segment by their destination (0 to 3), added to those read before. */
export function readHuffmanTables(body: Uint8Array, into: Map<number, HuffmanTable>): void {
  let at = 0;
  while (at < body.length) {
    const destination = body[at] ?? 0;
    const counts = body.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const categories = body.slice(at + 17, at + 17 + total);
    // The lossless process has tables of class 0 alone, and categories 0 to 16.
    if (
      destination > 3 ||
      counts.length < 16 ||
      categories.length < total ||
      categories.some((c) => c > 16)
    ) {
      throw new ImagingError('CORRUPT', 'A Huffman table of the lossless JPEG is not well formed.');
    }
    into.set(destination, buildTable(counts, categories));
    at += 17 + total;
  }
}

function buildTable(counts: Uint8Array, categories: Uint8Array): HuffmanTable {
  const fast = new Int32Array(1 << FAST_BITS);
  const limits = new Int32Array(17);
  const offsets = new Int32Array(17);
  let code = 0;
  let first = 0;
  for (let length = 1; length <= 16; length += 1) {
    const count = counts[length - 1] ?? 0;
    offsets[length] = first - code;
    for (let k = 0; k < count; k += 1) fillFast(fast, code + k, length, categories[first + k] ?? 0);
    code += count;
    first += count;
    if (code > 1 << length)
      throw new ImagingError('CORRUPT', 'A Huffman table has more codes than there are.');
    limits[length] = code << (16 - length);
    code <<= 1;
  }
  return { fast, limits, offsets, categories };
}

/** Every value of the next FAST_BITS bits that starts with this code and holds all bits of its difference. */
function fillFast(fast: Int32Array, code: number, length: number, category: number): void {
  const extra = category === 16 ? 0 : category;
  const rest = FAST_BITS - length - extra;
  if (rest < 0) return;
  for (let bits = 0; bits < 1 << extra; bits += 1) {
    const from = ((code << extra) | bits) << rest;
    fast.fill(extend(bits, category) * 64 + length + extra, from, from + (1 << rest));
  }
}

/** H.1.2.2 and F.2.2.1: the upper half of a category is positive; 16 stands for 32768 and has no bits. */
export function extend(bits: number, category: number): number {
  if (category === 16) return 32_768;
  return category > 0 && bits < 1 << (category - 1) ? bits - (1 << category) + 1 : bits;
}
