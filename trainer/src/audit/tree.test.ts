import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../random.ts';
import { SIDE } from './fingerprint.ts';
import { DIMENSIONS, signaturesOf } from './signature.ts';
import { similarity } from './similarity.ts';
import { SignatureTree } from './tree.ts';

/** Points around a few centres, so that some are near each other. */
function points(seed: number, count: number, dimensions: number): Float32Array {
  const random = seededRandom('points', seed);
  const centres = Array.from({ length: 5 * dimensions }, () => random());
  return Float32Array.from({ length: count * dimensions }, (_, at) => {
    const centre = Math.floor(at / dimensions) % 5;
    return (centres[centre * dimensions + (at % dimensions)] ?? 0) + (random() - 0.5) * 0.1;
  });
}

function squared(values: Float32Array, dimensions: number, a: number, b: number): number {
  let sum = 0;
  for (let at = 0; at < dimensions; at += 1) {
    sum += ((values[a * dimensions + at] ?? 0) - (values[b * dimensions + at] ?? 0)) ** 2;
  }
  return sum;
}

/** A chest-like picture: smooth, and not black in most of the frame. */
function thumb(seed: number, strength: number): Uint8Array {
  const [shape, noise] = [seededRandom('shape', seed % 3), seededRandom('noise', seed)];
  const waves = Array.from({ length: 6 }, () => [shape() * 0.4, shape() * 0.4, shape() * 6, shape() * 30]);
  return Uint8Array.from({ length: SIDE * SIDE }, (_, at) => {
    let value = 120;
    for (const [u = 0, v = 0, phase = 0, height = 0] of waves) {
      value += height * Math.sin(u * (at % SIDE) + v * Math.floor(at / SIDE) + phase);
    }
    return Math.min(255, Math.max(0, value + (noise() - 0.5) * strength));
  });
}

describe('SignatureTree', () => {
  it('finds exactly the earlier points within the radius', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1, max: 100 }),
        (seed, count, dimensions) => {
          const values = points(seed, count, dimensions);
          const radius = dimensions * 0.0015;
          const all = Array.from({ length: count }, (_, at) => at).filter((at) => at % 7 !== 3);
          const tree = new SignatureTree(values, dimensions, all, radius);
          for (const point of all) {
            const found = tree.earlierNear(point);
            const near = all.filter((a) => a < point && squared(values, dimensions, a, point) < radius);
            // What lies on the very radius may be found or not.
            expect(found.filter((a) => squared(values, dimensions, a, point) < radius)).toEqual(near);
            for (const a of found) expect(squared(values, dimensions, a, point)).toBeLessThan(radius + 0.001);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

/** Squared distance of the signatures of a pair, among others that have a say in which waves are kept. */
async function apart(a: Uint8Array, b: Uint8Array): Promise<number> {
  const thumbs = [a, b, thumb(3, 10), thumb(4, 10), thumb(5, 10)];
  const { values } = await signaturesOf(
    thumbs.length,
    (row) => thumbs[row] ?? new Uint8Array(),
    () => Promise.resolve(),
  );
  return squared(values, DIMENSIONS, 0, 1);
}

describe('signaturesOf', () => {
  it('never puts two pictures further apart than their correlation allows, nor all in one place', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 200 }), async (one, two, strength) => {
        const [a, b] = [thumb(one, strength), thumb(two, strength)];
        expect(await apart(a, b)).toBeLessThanOrEqual(2 - 2 * similarity(a, b) + 1e-4);
      }),
      { numRuns: 60 },
    );
    // Most of what tells these apart is in the waves that are kept.
    const [a, b] = [thumb(1, 10), thumb(2, 10)];
    expect(await apart(a, b)).toBeGreaterThan(0.8 * (2 - 2 * similarity(a, b)));
  });

  it('puts a picture and the same one brighter and of less contrast in one place', async () => {
    const picture = thumb(1, 0);
    expect(
      await apart(
        picture,
        picture.map((level) => 100 + level / 2),
      ),
    ).toBeLessThan(0.001);
  });

  it('leaves out a picture of one level', async () => {
    const thumbs = [thumb(1, 1), new Uint8Array(SIDE * SIDE).fill(7), thumb(2, 1)];
    const { rows } = await signaturesOf(
      thumbs.length,
      (row) => thumbs[row] ?? new Uint8Array(),
      () => Promise.resolve(),
    );
    expect(rows).toEqual([0, 2]);
  });
});

describe('similarity', () => {
  it('does not judge crops of a few pixels', () => {
    const spot = new Uint8Array(SIDE * SIDE);
    for (const [at, level] of [200, 255, 180, 255].entries()) spot[2000 + at] = level;
    expect(similarity(spot, spot)).toBe(0);
  });

  it('counts the black of a picture that fills its frame, and not the black around a crop', () => {
    const random = seededRandom('grain');
    const grain = Array.from({ length: 2 }, () =>
      Uint8Array.from({ length: SIDE * SIDE }, () => 180 + 30 * random()),
    );
    /** Two squares of grain, alike by their outline only; `gap` apart from the middle. */
    const pair = (gap: number): readonly [Uint8Array, Uint8Array] => {
      const [a, b] = grain.map((levels) =>
        levels.map((level, at) => {
          const [row, column] = [Math.abs((at >> 6) - 31.5), Math.abs((at & 63) - 31.5)];
          return Math.max(row, column) > gap && Math.max(row, column) < gap + 8 ? level : 0;
        }),
      );
      return [a ?? new Uint8Array(), b ?? new Uint8Array()];
    };
    expect(similarity(...pair(23))).toBeGreaterThan(0.98);
    expect(Math.abs(similarity(...pair(0)))).toBeLessThan(0.3);
  });
});
