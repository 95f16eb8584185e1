/**
 * A picture as a point, so that pictures that are alike are near each other.
 *
 * The perceptual hash keeps the signs of such coefficients; here they keep their values, and so nothing is missed: the
 * transform is orthonormal, and some coordinates of a difference are never longer than the whole of it.
 */
import { SIDE } from './fingerprint.ts';

const KEPT = 16;

export const DIMENSIONS = KEPT * KEPT;

/**
 * The 16x16 lowest DCT-II coefficients of a thumb that was brought to mean 0 and length 1, the lowest first; undefined
 * where the thumb has one level only.
 */
export function signatureOf(thumb: Uint8Array): Float32Array | undefined {
  let sum = 0;
  let squares = 0;
  for (const level of thumb) {
    sum += level;
    squares += level * level;
  }
  const mean = sum / thumb.length;
  const length = Math.sqrt(squares - sum * mean);
  if (!(length > 0)) return undefined;
  const across = new Float64Array(SIDE * KEPT);
  for (let row = 0; row < SIDE; row += 1) {
    for (let u = 0; u < KEPT; u += 1) {
      let value = 0;
      for (let x = 0; x < SIDE; x += 1) {
        value += ((thumb[row * SIDE + x] ?? 0) - mean) * (WAVES[u * SIDE + x] ?? 0);
      }
      across[u * SIDE + row] = value / length;
    }
  }
  const signature = new Float32Array(DIMENSIONS);
  for (const [at, { u, v }] of ORDER.entries()) {
    let value = 0;
    for (let y = 0; y < SIDE; y += 1) value += (across[u * SIDE + y] ?? 0) * (WAVES[v * SIDE + y] ?? 0);
    signature[at] = value;
  }
  return signature;
}

/** Row u: the u-th orthonormal cosine. */
const WAVES = Float64Array.from({ length: KEPT * SIDE }, (_, at) => {
  const [u, x] = [Math.floor(at / SIDE), at % SIDE];
  return Math.sqrt((u === 0 ? 1 : 2) / SIDE) * Math.cos(((x + 0.5) * u * Math.PI) / SIDE);
});

/** Low frequencies first: they differ most, and a comparison ends the sooner. */
const ORDER = Array.from({ length: DIMENSIONS }, (_, at) => ({
  u: at % KEPT,
  v: Math.floor(at / KEPT),
})).toSorted((a, b) => a.u + a.v - (b.u + b.v) || a.u - b.u);
