import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../random.ts';
import { SIDE } from './fingerprint.ts';
import { signatureOf } from './signature.ts';
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

describe('signatureOf', () => {
  it('never puts two pictures further apart than their correlation allows', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 200 }), (one, two, strength) => {
        const [a, b] = [thumb(one, strength), thumb(two, strength)];
        const both = Float32Array.from([...(signatureOf(a) ?? []), ...(signatureOf(b) ?? [])]);
        const distance = squared(both, both.length / 2, 0, 1);
        expect(distance).toBeLessThanOrEqual(2 - 2 * similarity(a, b) + 1e-4);
      }),
      { numRuns: 60 },
    );
  });

  it('puts a picture and the same one brighter and of less contrast in one place', () => {
    const picture = thumb(1, 0);
    const faded = picture.map((level) => 100 + level / 2);
    const both = Float32Array.from([...(signatureOf(picture) ?? []), ...(signatureOf(faded) ?? [])]);
    expect(squared(both, both.length / 2, 0, 1)).toBeLessThan(0.001);
  });

  it('has none for a picture of one level', () => {
    expect(signatureOf(new Uint8Array(SIDE * SIDE).fill(7))).toBeUndefined();
  });
});

describe('similarity', () => {
  it('does not judge crops of a few pixels', () => {
    const spot = new Uint8Array(SIDE * SIDE);
    for (const [at, level] of [200, 255, 180, 255].entries()) spot[2000 + at] = level;
    expect(similarity(spot, spot)).toBe(0);
  });
});
