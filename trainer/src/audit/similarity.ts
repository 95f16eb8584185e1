import { SIDE } from './fingerprint.ts';

/** Up to this level of 255 a pixel is black: what a JPEG makes of black stays below it. */
const BLACK = 4;

/** Fewer pixels than these correlate by chance: a nodule of 2x2 pixels is like any other. */
const ENOUGH = 9;

/**
 * How alike two thumbs are: their Pearson correlation; of two crops on black the lower one of it and of that over what
 * is not black in both, or they would be alike by their black alone. 0 where they share too little to say.
 *
 * A crop on black fills less than half of the frame. A chest fills more, and what is black around it and in its lungs
 * is part of the picture.
 */
export function similarity(a: Uint8Array, b: Uint8Array): number {
  const [whole, shown] = [new Sums(), new Sums()];
  let [top, bottom, left, right] = [SIDE, -1, SIDE, -1];
  for (let at = 0; at < a.length; at += 1) {
    const [x, y] = [a[at] ?? 0, b[at] ?? 0];
    whole.add(x, y);
    if (x <= BLACK && y <= BLACK) continue;
    shown.add(x, y);
    const [row, column] = [Math.floor(at / SIDE), at % SIDE];
    if (row < top) top = row;
    bottom = row;
    if (column < left) left = column;
    if (column > right) right = column;
  }
  if (shown.n < ENOUGH) return 0;
  const filled = (bottom - top + 1) * (right - left + 1);
  if (filled >= a.length / 2) return whole.pearson();
  return Math.min(whole.pearson(), shown.pearson());
}

class Sums {
  n = 0;
  #x = 0;
  #y = 0;
  #xx = 0;
  #yy = 0;
  #xy = 0;

  add(x: number, y: number): void {
    this.n += 1;
    this.#x += x;
    this.#y += y;
    this.#xx += x * x;
    this.#yy += y * y;
    this.#xy += x * y;
  }

  pearson(): number {
    const spread = (this.n * this.#xx - this.#x ** 2) * (this.n * this.#yy - this.#y ** 2);
    return spread > 0 ? (this.n * this.#xy - this.#x * this.#y) / Math.sqrt(spread) : 0;
  }
}
