/** Images for engines, and how far their answers are apart. */
import { expect } from 'vitest';
import { INPUT_SIZE } from './fixtures.ts';

const PIXELS = INPUT_SIZE ** 2 * 3;

/** Grey squares, each image its own. */
export function image(at: number): Float32Array {
  return Float32Array.from({ length: PIXELS }, (_, index) => {
    const [x, y] = [Math.floor(index / 3) % INPUT_SIZE, Math.floor(index / 3 / INPUT_SIZE)];
    return ((x >> (at + 1)) + (y >> (at + 1))) % 2 === 0 ? 100 - 20 * at : -100;
  });
}

/** The first `n` of them, one after the other. */
export function images(n: number): Float32Array {
  const all = new Float32Array(n * PIXELS);
  for (let at = 0; at < n; at += 1) all.set(image(at), at * PIXELS);
  return all;
}

export function difference(got: Float32Array | undefined, expected: Float32Array | undefined): number {
  expect(got?.length).toBe(expected?.length);
  return (got ?? new Float32Array()).reduce(
    (most, value, at) => Math.max(most, Math.abs(value - (expected?.[at] ?? Number.NaN))),
    0,
  );
}
