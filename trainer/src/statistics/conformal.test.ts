import { conformalAnswer } from '@hilum/model';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import reference from '../../test/fixtures/statistics.json' with { type: 'json' };
import { defined, failure } from '../../test/figures.ts';
import { seededRandom } from '../random.ts';
import { abstention, conformalThreshold } from './conformal.ts';
import type { ClassSamples } from './samples.ts';

/** Exchangeable samples of a model that knows something, its probabilities far from calibrated. */
function simulate(count: number, random: () => number): ClassSamples {
  const rows = Array.from({ length: count }, () => {
    const right = random() < 0.4 ? 1 : 0;
    const shift = right === 1 ? 0.25 : -0.25;
    const p = Math.min(0.999, Math.max(0.001, 0.5 + shift + (random() - 0.5) * 0.9));
    return { right, row: [1 - p ** 0.5, p ** 0.5] };
  });
  return {
    probabilities: rows.map(({ row }) => row),
    classes: rows.map(({ right }) => right),
    groups: rows.map((_, index) => String(index)),
  };
}

describe('conformalThreshold', () => {
  it.each(reference.classes)('is the finite-sample quantile of numpy on samples %#', (given) => {
    const samples = { ...given, groups: given.classes.map(String) };
    expect(defined(conformalThreshold(samples, 0.1)).threshold).toBe(given.conformalAtTenth);
  });

  it.each([0.05, 0.1, 0.25])('covers 1 - %f of new samples on average, and hardly more', (alpha) => {
    const random = seededRandom('exchangeable', alpha);
    const [rounds, calibration, test] = [400, 59, 100];
    let covered = 0;
    for (let round = 0; round < rounds; round += 1) {
      const threshold = defined(conformalThreshold(simulate(calibration, random), alpha));
      covered += defined(abstention(simulate(test, random), threshold).coverage).count;
    }
    const coverage = covered / (rounds * test);
    // The theorem's two bounds, with three standard errors of a mean over calibration sets for the simulation.
    const error = 3 * Math.sqrt((alpha * (1 - alpha)) / (rounds * (calibration + 2)));
    expect(coverage).toBeGreaterThan(1 - alpha - error);
    expect(coverage).toBeLessThan(1 - alpha + 1 / (calibration + 1) + error);
  });

  it('is not one sample further for a product that rounding puts above a whole number', () => {
    const samples = simulate(249, seededRandom('rounding'));
    const scores = samples.probabilities.map((row, index) => 1 - (row[samples.classes[index] ?? 0] ?? 0));
    const { threshold } = defined(conformalThreshold(samples, 0.172));
    expect(threshold).toBe(scores.toSorted((a, b) => a - b)[206]);
  });

  it('covers its own samples by construction', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 20, max: 60 }), (seed, count) => {
        const samples = simulate(count, seededRandom(seed));
        const { coverage } = abstention(samples, defined(conformalThreshold(samples, 0.1)));
        expect(defined(coverage).value).toBeGreaterThanOrEqual(0.9);
      }),
    );
  });

  it('is not defined for fewer samples than the promise needs, and is for just as many', () => {
    const random = seededRandom('few');
    expect(conformalThreshold(simulate(8, random), 0.1)).toEqual({
      notDefined: '8 samples are too few to promise 0.9; 9 would do',
    });
    expect(conformalThreshold(simulate(9, random), 0.1)).toHaveProperty('threshold');
    expect(conformalThreshold(simulate(0, random), 0.1)).toHaveProperty('notDefined');
  });

  it('refuses what is no part, and probabilities that are no numbers', () => {
    const samples = simulate(20, seededRandom('part'));
    expect(() => conformalThreshold(samples, 0)).toThrow(RangeError);
    const diverged = { probabilities: [[Number.NaN, 1]], classes: [0], groups: ['a'] };
    expect(() => conformalThreshold(diverged, 0.1)).toThrow(failure('NOT_A_NUMBER'));
  });
});

describe('abstention', () => {
  const rows: readonly (readonly [readonly number[], number])[] = [
    [[0.9, 0.1], 0],
    [[0.6, 0.4], 1],
    [[0.2, 0.8], 0],
    [[0.5, 0.5], 0],
  ];
  const test: ClassSamples = {
    probabilities: rows.map(([row]) => row),
    classes: rows.map(([, right]) => right),
    groups: ['a', 'b', 'c', 'd'],
  };

  it('answers where one class is left, and counts where several are or none', () => {
    const wide = { alpha: 0.1, threshold: 0.6, samples: 20 };
    expect(abstention(test, wide)).toMatchObject({
      coverage: { count: 3, of: 4 },
      answered: { count: 2, of: 4 },
      accuracyAnswered: { count: 1, of: 2 },
      accuracyAll: { count: 2, of: 4 },
      several: 2,
      none: 0,
    });
    expect(abstention(test, { ...wide, threshold: 0.3 })).toMatchObject({ several: 0, none: 2 });
    expect(conformalAnswer([0.2, 0.3, 0.5], 0.7)).toEqual([1, 2]);
  });

  it('has no figures of no samples', () => {
    const none = { probabilities: [], classes: [], groups: [] };
    const got = abstention(none, { alpha: 0.1, threshold: 0.5, samples: 20 });
    expect(got.coverage).toHaveProperty('notDefined');
    expect(got.accuracyAnswered).toHaveProperty('notDefined');
  });
});
