import type { Box } from './components.ts';

/**
 * Morphological closing of a mask by a disc of `radius` pixels, where the mask is set within `box` alone: gaps and
 * notches that no such disc fits into are filled. Beyond the image lies nothing that grows in, and nothing that eats
 * from the outside. Returns a new mask; nothing in it lies beyond `box`, since a disc outside may touch any of its
 * sides.
 */
export function closeMask(mask: Uint8Array, columns: number, box: Box, radius: number): Uint8Array {
  // As far as the disc grows, which is as far as the erosion looks.
  const margin = radius;
  const rows = box.bottom - box.top + 1 + 2 * margin;
  const width = box.right - box.left + 1 + 2 * margin;
  const grown = dilate(packed(mask, columns, box, margin), radius);
  const outside = dilate(complement(grown, width), radius);
  const closed = new Uint8Array(mask.length);
  for (let row = margin; row < rows - margin; row += 1) {
    const bits = row * outside.words;
    let at = (box.top + row - margin) * columns + box.left;
    for (let column = margin; column < width - margin; column += 1, at += 1) {
      closed[at] = 1 - (((outside.bits[bits + (column >> 5)] ?? 0) >>> (column & 31)) & 1);
    }
  }
  return closed;
}

/** A mask of one bit a pixel: of each word the lowest bit is its leftmost pixel. Every row begins with a new word. */
type Bits = { readonly bits: Int32Array; readonly rows: number; readonly words: number };

/** What lies in `box`, with `margin` empty pixels on each side. */
function packed(mask: Uint8Array, columns: number, { top, left, bottom, right }: Box, margin: number): Bits {
  const rows = bottom - top + 1 + 2 * margin;
  const words = (right - left + 2 * margin + 32) >> 5;
  const bits = new Int32Array(rows * words);
  for (let row = top; row <= bottom; row += 1) {
    const start = (row - top + margin) * words;
    for (let column = left, at = row * columns + left; column <= right; column += 1, at += 1) {
      if (mask[at] === 0) continue;
      const bit = column - left + margin;
      const word = start + (bit >> 5);
      bits[word] = (bits[word] ?? 0) | (1 << (bit & 31));
    }
  }
  return { bits, rows, words };
}

/** Bits beyond `width` stay empty. */
function complement({ bits, rows, words }: Bits, width: number): Bits {
  const last = width & 31;
  const lastWord = last === 0 ? -1 : (1 << last) - 1;
  const out = new Int32Array(bits.length);
  for (let at = 0; at < out.length; at += 1) {
    out[at] = ~(bits[at] ?? 0) & ((at + 1) % words === 0 ? lastWord : -1);
  }
  return { bits: out, rows, words };
}

/**
 * A pixel is set when one is set within `radius`: in each row at hand, no further along than the disc is wide there.
 * So the mask is widened along its rows pixel by pixel, and each row of the disc takes its part at its width, 32
 * pixels at a time. What grows beyond the last word of a row is lost.
 */
function dilate({ bits, rows, words }: Bits, radius: number): Bits {
  let wide = bits;
  const out = new Int32Array(bits.length);
  for (let width = 0; width <= radius; width += 1) {
    if (width > 0) wide = widened(wide, words);
    for (let dy = -radius; dy <= radius; dy += 1) {
      if (Math.floor(Math.sqrt(radius * radius - dy * dy)) === width) add(out, wide, dy * words);
    }
  }
  return { bits: out, rows, words };
}

/** One pixel to either side. */
function widened(bits: Int32Array, words: number): Int32Array {
  const out = new Int32Array(bits.length);
  for (let start = 0; start < bits.length; start += words) {
    let before = 0;
    let here = bits[start] ?? 0;
    for (let at = start; at < start + words; at += 1) {
      const after = at + 1 < start + words ? (bits[at + 1] ?? 0) : 0;
      out[at] = here | (here << 1) | (before >>> 31) | (here >>> 1) | (after << 31);
      before = here;
      here = after;
    }
  }
  return out;
}

function add(out: Int32Array, bits: Int32Array, shift: number): void {
  const last = Math.min(out.length, out.length - shift);
  for (let at = Math.max(0, -shift); at < last; at += 1) out[at] = (out[at] ?? 0) | (bits[at + shift] ?? 0);
}
