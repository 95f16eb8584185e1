import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import reference from '../../test/fixtures/statistics.json' with { type: 'json' };
import { defined, failure, near } from '../../test/figures.ts';
import { seededRandom } from '../random.ts';
import { bcaLevels, bootstrapByGroup, difference, quantile, type Statistic } from './bootstrap.ts';

const meanOf =
  (values: readonly number[]): Statistic =>
  (rows) =>
    rows.reduce((sum, row) => sum + (values[row] ?? 0), 0) / rows.length;

const exams = (count: number, each: number) =>
  Array.from({ length: count * each }, (_, row) => `exam-${Math.floor(row / each)}`);

const width = (groups: readonly string[], values: readonly number[]) => {
  const { low, high } = defined(bootstrapByGroup(groups, meanOf(values), { seed: 1 }));
  return high - low;
};

/** Defined only where one of the first rows was drawn. */
const needs =
  (last: number): Statistic =>
  (rows) =>
    rows.some((row) => row <= last) ? rows.length : undefined;

describe('bootstrapByGroup', () => {
  it('draws whole groups: copies of a row within an exam make no interval narrower, as copies of exams do', () => {
    const random = seededRandom('values');
    const values = Array.from({ length: 40 }, () => random());
    const once = width(exams(40, 1), values);
    const copied = values.flatMap((value) => Array.from({ length: 9 }, () => value));
    expect(width(exams(40, 9), copied)).toBeCloseTo(once, 12);
    expect(width(exams(360, 1), copied)).toBeLessThan(once / 2);
  });

  it('gives the same interval for the same seed whatever the order of rows, and another for another seed', () => {
    const values = Array.from({ length: 30 }, (_, row) => (row * 7) % 11);
    const groups = exams(15, 2);
    const turned = { values: values.toReversed(), groups: groups.toReversed() };
    const first = bootstrapByGroup(groups, meanOf(values), { seed: 5 });
    expect(bootstrapByGroup(turned.groups, meanOf(turned.values), { seed: 5 })).toEqual(first);
    expect(bootstrapByGroup(groups, meanOf(values), { seed: 6 })).not.toEqual(first);
  });

  it('has the textbook interval for a mean of independent values', () => {
    const random = seededRandom('normal enough');
    const values = Array.from({ length: 400 }, () => random() + random() + random());
    const mean = values.reduce((sum, value) => sum + value, 0) / 400;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 400);
    for (const method of ['percentile', 'bca'] as const) {
      const options = { seed: 2, resamples: 20_000, method };
      const { low, high } = defined(bootstrapByGroup(exams(400, 1), meanOf(values), options));
      expect(low).toBeCloseTo(mean - (1.96 * deviation) / 20, 2);
      expect(high).toBeCloseTo(mean + (1.96 * deviation) / 20, 2);
    }
  });

  it('holds the value itself, by either method', () => {
    const list = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 20, maxLength: 40 });
    fc.assert(
      fc.property(list, fc.constantFrom('percentile', 'bca'), fc.integer(), (values, method, seed) => {
        const options = { seed, method, resamples: 300 } as const;
        const { value, low, high } = defined(
          bootstrapByGroup(exams(values.length, 1), meanOf(values), options),
        );
        expect(low).toBeLessThanOrEqual(value + 1e-12);
        expect(high).toBeGreaterThanOrEqual(value - 1e-12);
      }),
      { numRuns: 50 },
    );
  });

  it('leaves out and counts the resamples that lack the figure, and gives up where they are many', () => {
    // Lacking exam 0 has a chance of (1 - 1/n)^n, about 0.37; lacking all of five about 0.005.
    expect(bootstrapByGroup(exams(50, 1), needs(0), { seed: 1 })).toEqual({
      notDefined: expect.stringMatching(/^\d+ of 2000 resamples do not have this figure/) as string,
    });
    const some = defined(bootstrapByGroup(exams(50, 1), needs(4), { seed: 1 }));
    expect(some.undefinedResamples).toBeGreaterThan(0);
    expect(some.undefinedResamples).toBeLessThan(40);
    expect(some).toMatchObject({ value: 50, low: 50, high: 50, groups: 50, resamples: 2000 });
  });

  it('has no interval of no rows, of one group, or of a figure that is not there', () => {
    expect(bootstrapByGroup([], needs(0), { seed: 1 })).toHaveProperty('notDefined');
    expect(bootstrapByGroup(['a', 'a'], needs(0), { seed: 1 })).toEqual({
      notDefined: 'all samples are of one group; nothing can be resampled',
    });
  });

  it('refuses a statistic that answers NaN', () => {
    expect(() => bootstrapByGroup(['a', 'b'], () => Number.NaN, { seed: 1 })).toThrow(failure('INTERNAL'));
  });

  it('compares two figures on the same resamples, so that what they share cancels', () => {
    const values = Array.from({ length: 30 }, (_, row) => (row * 13) % 17);
    const better = values.map((value) => value + 0.1);
    const paired = defined(
      bootstrapByGroup(exams(30, 1), difference(meanOf(better), meanOf(values)), { seed: 3 }),
    );
    expect([paired.low, paired.high]).toEqual([near(0.1), near(0.1)]);
    expect(difference(() => undefined, meanOf(values))(new Int32Array(1))).toBeUndefined();
  });
});

describe('the ends of an interval', () => {
  it('are the BCa quantiles by SciPy', () => {
    const { replicates, left, value, levels, ends } = reference.bca;
    const got = bcaLevels(replicates, value, left, 0.95);
    for (const [at, level] of got.entries()) {
      expect(level).toBeCloseTo(levels[at] ?? NaN, 10);
      expect(quantile(replicates, level)).toBeCloseTo(ends[at] ?? NaN, 10);
    }
  });

  it('are the plain quantiles where all replicates lie on one side of the value', () => {
    expect(bcaLevels([1, 2, 3], 4, [3, 4, 5], 0.9)).toEqual([near(0.05), 0.95]);
  });
});
