/**
 * Random numbers without a state: a number is a function of (seed, trial, purpose, position), so that a suggestion
 * does not depend on what was drawn before it, by this process or another.
 *
 * Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): additions,
 * rotations and exclusive-ors of 32-bit words alone, which JavaScript computes exactly on every platform.
 */
export class Random {
  readonly #key: Words;
  readonly #purpose: number;
  #position = 0;

  /** @param seed, trial, purpose whole numbers from 0 to 2^32 - 1 */
  constructor(seed: number, trial: number, purpose: number) {
    this.#key = [seed, trial];
    this.#purpose = purpose;
  }

  /** From 0 (included) to 1 (excluded), with all 53 bits of a double. */
  uniform(): number {
    const [a, b] = threefry2x32(this.#key, [this.#purpose, this.#position++]);
    return ((a >>> 5) * 2 ** 26 + (b >>> 6)) / 2 ** 53;
  }

  /** A whole number from 0 to `below - 1`. */
  index(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  /** An index, each as likely as its weight; the weights need not add up to 1. */
  weighted(weights: readonly number[]): number {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let rest = this.uniform() * total;
    for (const [index, weight] of weights.entries()) {
      rest -= weight;
      if (rest < 0) return index;
    }
    return weights.length - 1;
  }

  /** Standard normal, by Box and Muller's transform. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** The numbers from 0 to `count - 1` in a random order (Fisher and Yates). */
  order(count: number): number[] {
    const order = Array.from({ length: count }, (_, index) => index);
    for (let last = count - 1; last > 0; last--) {
      const other = this.index(last + 1);
      const moved = order[last] as number;
      order[last] = order[other] as number;
      order[other] = moved;
    }
    return order;
  }
}

/** What a number is drawn for: no two uses share a stream. */
export const PURPOSE = { anywhere: 0, model: 1, grid: 2, spread: 3 } as const;

/** Two words of 32 bits. */
type Words = readonly [number, number];

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
/** The constant of the key schedule of Threefish, cut to 32 bits. */
const PARITY = 0x1bd11bda;

/** The block function, exported for the test that holds it against the published vectors. */
export function threefry2x32(key: Words, counter: Words): Words {
  const schedule = [key[0], key[1], PARITY ^ key[0] ^ key[1]] as const;
  let a = (counter[0] + schedule[0]) | 0;
  let b = (counter[1] + schedule[1]) | 0;
  for (let round = 0; round < 20; round++) {
    const by = ROTATIONS[(round % 8) as 0];
    a = (a + b) | 0;
    b = ((b << by) | (b >>> (32 - by))) ^ a;
    if (round % 4 !== 3) continue;
    const turn = (round + 1) / 4;
    a = (a + schedule[(turn % 3) as 0]) | 0;
    b = (b + schedule[((turn + 1) % 3) as 0] + turn) | 0;
  }
  return [a >>> 0, b >>> 0];
}
