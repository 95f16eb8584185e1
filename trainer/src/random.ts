/** Seeded randomness: the same seed gives the same numbers on every machine. */
import { createHash } from 'node:crypto';

/**
 * A generator of numbers in [0, 1), seeded by any number of words.
 *
 * sfc32 (C. Doty-Humphrey's PractRand), its state from SHA-256, so that seeds 1 and 2 share nothing.
 */
export function seededRandom(...seed: readonly (string | number)[]): () => number {
  const state = new Uint32Array(
    new Uint8Array(createHash('sha256').update(JSON.stringify(seed)).digest()).buffer,
  );
  let [a = 0, b = 0, c = 0, counter = 1] = state;
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
}

/** The numbers 0…n-1 in seeded random order (Fisher-Yates). */
export function shuffled(n: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, index) => index);
  for (let last = n - 1; last > 0; last -= 1) {
    const pick = Math.floor(random() * (last + 1));
    const kept = order[last] ?? 0;
    order[last] = order[pick] ?? 0;
    order[pick] = kept;
  }
  return order;
}
