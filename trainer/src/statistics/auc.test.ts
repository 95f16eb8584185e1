import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import reference from '../../test/fixtures/statistics.json' with { type: 'json' };
import { failure, near } from '../../test/figures.ts';
import { aucRoc } from '../metrics.ts';
import { aucStatistic, compareAuc, estimateAuc } from './auc.ts';
import { deLongInterval, deLongTest } from './delong.ts';
import { isDefined, type BinarySamples } from './samples.ts';

/** Few distinct scores and few exams, so that ties and clusters are the rule. */
const manySamples = fc
  .array(
    fc.record({
      score: fc.integer({ min: 0, max: 12 }),
      positive: fc.boolean(),
      group: fc.integer({ min: 0, max: 9 }),
    }),
    { minLength: 8, maxLength: 50 },
  )
  .map((rows): BinarySamples => ({
    scores: rows.map(({ score }) => score / 12),
    positive: rows.map(({ positive }) => positive),
    groups: rows.map(({ group }) => `exam-${group}`),
  }))
  .filter(({ positive }) => new Set(positive).size === 2);

const hasTwoOfEach = ({ positive }: BinarySamples) =>
  positive.filter(Boolean).length > 1 && positive.filter((each) => !each).length > 1;

/** Each of its own group. */
const some = (scores: readonly number[], positive: readonly boolean[]): BinarySamples => ({
  scores,
  positive,
  groups: scores.map((_, row) => String(row)),
});

const everyRow = ({ scores }: BinarySamples) => Int32Array.from(scores.keys());
const aucOf = (samples: BinarySamples) => aucStatistic(samples.scores, samples.positive)(everyRow(samples));

describe.each(reference.binary)('samples %#', (given) => {
  it('have the AUC of scikit-learn', () => {
    expect(aucOf(given)).toBeCloseTo(given.auc, 12);
    expect(estimateAuc(given, { seed: 1, resamples: 50 })).toMatchObject({
      value: near(given.auc),
    });
    expect(compareAuc(given, given.other, { seed: 1, resamples: 50 })).toMatchObject({
      difference: near(given.auc - given.aucOther),
    });
  });

  it.each([
    ['sample', given.bySample],
    ['group', given.byGroup],
  ] as const)("have DeLong's interval and test, by %s, of the plain sums over all pairs", (by, want) => {
    for (const scale of ['logit', 'plain'] as const) {
      const got = deLongInterval(given, { by, scale });
      // The reference leaves the plain interval as it falls; a figure is kept within 0 and 1.
      const [low = NaN, high = NaN] = want[scale];
      expect(got).toMatchObject({
        standardError: near(want.standardError, 10),
        low: near(Math.max(0, low), 10),
        high: near(Math.min(1, high), 10),
      });
    }
    expect(deLongTest(given, given.other, { by })).toMatchObject({
      standardError: near(want.pairedError, 10),
      z: near(want.pairedZ, 9),
      pValue: near(want.pairedP, 10),
    });
  });
});

describe('the AUC', () => {
  it('of any drawn rows is that of sorting them', () => {
    fc.assert(
      fc.property(manySamples, fc.array(fc.nat(7), { minLength: 1, maxLength: 30 }), (samples, rows) => {
        const slow = aucRoc(
          rows.map((row) => samples.scores[row] ?? NaN),
          rows.map((row) => samples.positive[row] ?? false),
        );
        const fast = aucStatistic(samples.scores, samples.positive)(Int32Array.from(rows));
        expect({ auc: fast }).toEqual({ auc: Number.isNaN(slow) ? undefined : near(slow) });
      }),
    );
  });

  it('and its DeLong interval do not feel a monotone map of the scores, and turn with them', () => {
    fc.assert(
      fc.property(manySamples, (samples) => {
        const mapped = { ...samples, scores: samples.scores.map((score) => Math.exp(3 * score) - 7) };
        expect(aucOf(mapped)).toBe(aucOf(samples));
        expect(deLongInterval(mapped)).toEqual(deLongInterval(samples));
        const turned = { ...samples, scores: samples.scores.map((score) => -score) };
        expect(aucOf(turned)).toBeCloseTo(1 - (aucOf(samples) ?? NaN), 12);
      }),
    );
  });

  it('is not different from itself, with p = 1, nor from itself on another monotone scale', () => {
    fc.assert(
      fc.property(manySamples, (samples) => {
        const scaled = samples.scores.map((score) => score ** 3);
        fc.pre(hasTwoOfEach(samples));
        expect(deLongTest(samples, scaled, { by: 'sample' })).toMatchObject({
          difference: 0,
          pValue: 1,
          z: 0,
        });
      }),
    );
  });

  it('has the same difference and p whichever of the two comes first', () => {
    fc.assert(
      fc.property(manySamples, (samples) => {
        const other = samples.scores.map((score, row) => (score * 5 + row) % 1);
        const there = deLongTest(samples, other);
        const back = deLongTest({ ...samples, scores: other }, samples.scores);
        fc.pre(isDefined(there) && isDefined(back));
        expect(back).toMatchObject({ difference: near(-there.difference), pValue: near(there.pValue, 9) });
      }),
    );
  });

  it('by group is DeLong by sample where each group holds one sample', () => {
    fc.assert(
      fc.property(manySamples, (samples) => {
        const alone = { ...samples, groups: samples.groups.map((_, row) => `exam-${row}`) };
        const bySample = deLongInterval(alone, { by: 'sample' });
        fc.pre(isDefined(bySample));
        expect(deLongInterval(alone, { by: 'group' })).toMatchObject({
          standardError: near(bySample.standardError),
        });
      }),
    );
  });
});

describe('an AUC that says nothing', () => {
  it('is not defined without one of the classes, and says so everywhere', () => {
    const onlyOne = some([0.1, 0.2], [true, true]);
    const why = { notDefined: 'all of 2 samples are positive' };
    expect(estimateAuc(onlyOne, { seed: 1 })).toEqual(why);
    expect(compareAuc(onlyOne, [1, 2], { seed: 1 })).toEqual(why);
    expect(deLongInterval(onlyOne)).toEqual(why);
    expect(deLongTest(onlyOne, [1, 2])).toEqual(why);
    expect(estimateAuc(some([], []), { seed: 1 })).toEqual({ notDefined: 'there are no samples' });
  });

  it('has no DeLong interval where nothing overlaps or a class has one group', () => {
    const perfect = some([0.1, 0.2, 0.8, 0.9], [false, false, true, true]);
    expect(deLongInterval(perfect)).toHaveProperty('notDefined', expect.stringContaining('variance is 0'));
    const constant = deLongTest(perfect, [1, 1, 1, 1]);
    expect(constant).toHaveProperty('notDefined', expect.stringContaining('a difference of 0.5'));
    expect(deLongInterval(some([0.1, 0.2, 0.15], [false, false, true]))).toEqual({
      notDefined: 'DeLong needs two groups of each class; there are 1 and 2',
    });
  });

  it('refuses scores to compare with that are no numbers, or are not one per sample', () => {
    const samples = some([0.1, 0.9], [false, true]);
    expect(() => compareAuc(samples, [Number.NaN, 1], { seed: 1 })).toThrow(failure('NOT_A_NUMBER'));
    expect(() => deLongTest(samples, [1])).toThrow(failure('INTERNAL'));
  });
});
