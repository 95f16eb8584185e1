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
 * is part of the picture. Of a pair whose whole is not above `floor`, no more is looked at.
 */
export function similarity(a: Uint8Array, b: Uint8Array, floor = -1): number {
  const whole = pearson(a, b);
  if (whole <= floor) return whole;
  const shown: number[] = [];
  let [top, bottom, left, right] = [SIDE, -1, SIDE, -1];
  for (let at = 0; at < a.length; at += 1) {
    if ((a[at] ?? 0) <= BLACK && (b[at] ?? 0) <= BLACK) continue;
    shown.push(at);
    const [row, column] = [Math.floor(at / SIDE), at % SIDE];
    top = Math.min(top, row);
    bottom = row;
    left = Math.min(left, column);
    right = Math.max(right, column);
  }
  if (shown.length < ENOUGH) return 0;
  const filled = (bottom - top + 1) * (right - left + 1);
  if (filled >= a.length / 2) return whole;
  const of = (thumb: Uint8Array): Uint8Array => Uint8Array.from(shown, (at) => thumb[at] ?? 0);
  return Math.min(whole, pearson(of(a), of(b)));
}

function pearson(a: Uint8Array, b: Uint8Array): number {
  const n = a.length;
  let [sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0];
  for (let at = 0; at < n; at += 1) {
    const x = a[at] ?? 0;
    const y = b[at] ?? 0;
    sumA += x;
    sumB += y;
    sumAA += x * x;
    sumBB += y * y;
    sumAB += x * y;
  }
  const spread = (n * sumAA - sumA * sumA) * (n * sumBB - sumB * sumB);
  return spread > 0 ? (n * sumAB - sumA * sumB) / Math.sqrt(spread) : 0;
}
