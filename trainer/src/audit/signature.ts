/**
 * Pictures as points, so that those that are alike are near each other.
 *
 * A perceptual hash keeps the signs of some coefficients; here they keep their values, and so nothing is missed: the
 * transform is orthonormal, and some coordinates of a difference are never longer than the whole of it. Haar's waves
 * serve chests, whose difference is coarse, and crops on black, where it is small and in the middle: the waves that
 * tell the pictures of this dataset apart are the ones that are kept.
 */
import { SIDE } from './fingerprint.ts';

export const DIMENSIONS = 256;

export interface Signatures {
  /** Rows of DIMENSIONS numbers, the ones that differ most first. */
  readonly values: Float32Array;
  /** Rows that can be compared; a picture of one level cannot. */
  readonly rows: readonly number[];
}

/** Signatures of pictures that come one by one, twice: once to choose the waves, once to keep them. */
export async function signaturesOf(
  count: number,
  thumb: (row: number) => Uint8Array,
  breath: () => Promise<void>,
): Promise<Signatures> {
  const energy = new Float64Array(SIDE * SIDE);
  const rows: number[] = [];
  for (let row = 0; row < count; row += 1) {
    if (row % AT_ONCE === 0) await breath();
    const waves = wavesOf(thumb(row));
    if (waves === undefined) continue;
    rows.push(row);
    for (let at = 0; at < energy.length; at += 1) energy[at] = (energy[at] ?? 0) + (waves[at] ?? 0) ** 2;
  }
  const kept = Array.from(energy.keys())
    .toSorted((a, b) => (energy[b] ?? 0) - (energy[a] ?? 0) || a - b)
    .slice(0, DIMENSIONS);
  const values = new Float32Array(count * DIMENSIONS);
  for (const [done, row] of rows.entries()) {
    if (done % AT_ONCE === 0) await breath();
    const waves = wavesOf(thumb(row));
    for (const [at, wave] of kept.entries()) values[row * DIMENSIONS + at] = waves?.[wave] ?? 0;
  }
  return { values, rows };
}

/** Some milliseconds of work. */
const AT_ONCE = 64;

/** The Haar transform of a thumb that was brought to mean 0 and length 1; undefined where it has one level only. */
function wavesOf(thumb: Uint8Array): Float64Array | undefined {
  let sum = 0;
  let squares = 0;
  for (const level of thumb) {
    sum += level;
    squares += level * level;
  }
  const mean = sum / thumb.length;
  const length = Math.sqrt(squares - sum * mean);
  if (!(length > 0)) return undefined;
  const waves = Float64Array.from(thumb, (level) => (level - mean) / length);
  const line = new Float64Array(SIDE);
  for (let side = SIDE; side > 1; side /= 2) {
    for (let row = 0; row < side; row += 1) halve(waves, row * SIDE, 1, side, line);
    for (let column = 0; column < side; column += 1) halve(waves, column, SIDE, side, line);
  }
  return waves;
}

/** Sums of neighbours to the front and their differences behind, both by the square root of 2: no length changes. */
function halve(waves: Float64Array, start: number, step: number, count: number, line: Float64Array): void {
  const half = count / 2;
  for (let at = 0; at < half; at += 1) {
    const a = waves[start + 2 * at * step] ?? 0;
    const b = waves[start + (2 * at + 1) * step] ?? 0;
    line[at] = (a + b) * Math.SQRT1_2;
    line[half + at] = (a - b) * Math.SQRT1_2;
  }
  for (let at = 0; at < count; at += 1) waves[start + at * step] = line[at] ?? 0;
}
