import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import reference from '../../test/fixtures/statistics.json' with { type: 'json' };
import { defined, failure, near } from '../../test/figures.ts';
import { seededRandom } from '../random.ts';
import { bootstrapByGroup } from './bootstrap.ts';
import { chooseOperatingPoint, predictiveValues, ratesAt, rateStatistic } from './operating-point.ts';
import { proportion } from './proportion.ts';
import { isDefined, type BinarySamples } from './samples.ts';

/** Scores by class; each sample of its own group. */
function samplesOf(positives: readonly number[], negatives: readonly number[]): BinarySamples {
  const scores = [...positives, ...negatives];
  return {
    scores,
    positive: scores.map((_, row) => row < positives.length),
    groups: scores.map((_, row) => String(row)),
  };
}

const tenths = fc.array(
  fc.integer({ min: 0, max: 10 }).map((n) => n / 10),
  { minLength: 1, maxLength: 25 },
);

describe.each(reference.binary)('samples %#', (given) => {
  it("have scikit-learn's confusion matrix and SciPy's Wilson interval at one half", () => {
    const rates = ratesAt(given, 0.5);
    expect([rates.truePositives, rates.falsePositives, rates.trueNegatives, rates.falseNegatives]).toEqual(
      given.atHalf,
    );
    const [value = NaN, low = NaN, high = NaN] = given.sensitivityAtHalf;
    expect(rates.sensitivity).toMatchObject({ value: near(value), low: near(low), high: near(high) });
  });

  it("have Youden's point where scikit-learn's ROC curve has it", () => {
    const { atOrBelow, above, sensitivity, specificity } = given.youden;
    const point = defined(chooseOperatingPoint(given, { rule: 'youden' }));
    expect(point).toMatchObject({ sensitivity: near(sensitivity), specificity: near(specificity) });
    expect(point.threshold).toBeLessThanOrEqual(atOrBelow);
    expect(point.threshold).toBeGreaterThan(above);
  });
});

describe('chooseOperatingPoint', () => {
  it('keeps the target on the samples it was chosen on, and there is no better threshold that does', () => {
    const targets = fc.integer({ min: 0, max: 20 }).map((n) => n / 20);
    const rules = fc.constantFrom('sensitivity', 'specificity');
    fc.assert(
      fc.property(tenths, tenths, targets, rules, (positives, negatives, atLeast, rule) => {
        const samples = samplesOf(positives, negatives);
        const other = rule === 'sensitivity' ? 'specificity' : 'sensitivity';
        const seen = [...new Set(samples.scores)].map((threshold) => ratesAt(samples, threshold));
        const good = seen.filter((rates) => defined(rates[rule]).value >= atLeast);
        const point = chooseOperatingPoint(samples, { rule, atLeast });
        expect(isDefined(point)).toBe(good.length > 0);
        fc.pre(isDefined(point));
        // The threshold that is handed out gives what is said of it, although it lies between scores.
        const rates = ratesAt(samples, point.threshold);
        expect(defined(rates[rule]).value).toBeGreaterThanOrEqual(atLeast);
        expect(defined(rates[other]).value).toBe(point[other]);
        expect(point[other]).toBe(Math.max(...good.map((each) => defined(each[other]).value)));
      }),
    );
  });

  it('reaches a target that is hit exactly, which 1 minus the false-positive rate misses by rounding', () => {
    const samples = samplesOf([0.9], [0.1, 0.8, 0.8, 0.8, 0.8]);
    const point = defined(chooseOperatingPoint(samples, { rule: 'specificity', atLeast: 0.2 }));
    expect(point.specificity).toBe(1);
    const low = samplesOf([0.2, 0.9], [0.1, 0.8, 0.8, 0.8, 0.95]);
    expect(chooseOperatingPoint(low, { rule: 'specificity', atLeast: 0.2 })).toMatchObject({
      sensitivity: 1,
      specificity: 0.2,
    });
  });

  it('takes what costs nothing: more sensitivity at the same specificity, although the target asks for less', () => {
    const samples = samplesOf([0.9, 0.8, 0.7], [0.1]);
    expect(chooseOperatingPoint(samples, { rule: 'sensitivity', atLeast: 0.5 })).toMatchObject({
      sensitivity: 1,
      specificity: 1,
    });
  });

  it('lies halfway to the next lower score, so that a score that moves by a rounding stays where it was', () => {
    const point = chooseOperatingPoint(samplesOf([0.8, 0.9], [0.1, 0.4]), { rule: 'youden' });
    expect(point).toMatchObject({ threshold: near(0.6), sensitivity: 1, specificity: 1 });
    const next = 0.5 + Number.EPSILON / 2;
    const close = defined(chooseOperatingPoint(samplesOf([next], [0.5]), { rule: 'youden' }));
    expect(close.threshold).toBe(next);
  });

  it('is not defined without both classes or where only silence reaches the target', () => {
    expect(chooseOperatingPoint(samplesOf([0.5], []), { rule: 'youden' })).toHaveProperty('notDefined');
    expect(chooseOperatingPoint(samplesOf([0.5], [0.9]), { rule: 'specificity', atLeast: 1 })).toEqual({
      notDefined: 'only calling nothing positive reaches the target',
    });
  });

  it('refuses scores that are no numbers', () => {
    const diverged = samplesOf([Number.NaN], [0.1]);
    expect(() => chooseOperatingPoint(diverged, { rule: 'youden' })).toThrow(failure('NOT_A_NUMBER'));
    expect(() => ratesAt(diverged, 0.5)).toThrow(failure('NOT_A_NUMBER'));
  });
});

describe('ratesAt', () => {
  it('has no sensitivity without positives, and says so', () => {
    const rates = ratesAt(samplesOf([], [0.1, 0.6, 0.2]), 0.5);
    expect(rates.sensitivity).toHaveProperty('notDefined');
    expect(rates.specificity).toMatchObject({ value: near(2 / 3), count: 2, of: 3 });
  });
});

describe('rateStatistic', () => {
  it('is the rate of all rows, with a wider interval than Wilson where whole exams are right or wrong', () => {
    // Each exam holds eight nodules with one score.
    const rows = Array.from({ length: 240 }, (_, row) => row >> 3);
    const samples: BinarySamples = {
      scores: rows.map((exam) => (exam * 7) % 10),
      positive: rows.map((exam) => exam % 3 > 0),
      groups: rows.map((exam) => `exam-${exam}`),
    };
    const rates = ratesAt(samples, 4);
    for (const rate of ['sensitivity', 'specificity', 'accuracy'] as const) {
      const wilson = defined(rates[rate]);
      const exams = defined(bootstrapByGroup(samples.groups, rateStatistic(samples, 4, rate), { seed: 1 }));
      expect(exams.value).toBe(wilson.value);
      expect(exams.high - exams.low).toBeGreaterThan(1.7 * (wilson.high - wilson.low));
    }
  });

  it('is not defined on rows without its class', () => {
    const samples = samplesOf([0.9], [0.1]);
    expect(rateStatistic(samples, 0.5, 'sensitivity')(Int32Array.of(1, 1))).toBeUndefined();
    expect(rateStatistic(samples, 0.5, 'specificity')(Int32Array.of(1, 1))).toBe(1);
  });
});

describe('proportion', () => {
  it('has an interval within 0 and 1 that holds the value and is longest in the middle', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (of, part) => {
          const count = Math.round(part * of);
          const { value, low, high } = defined(proportion(count, of));
          expect(low).toBeGreaterThanOrEqual(0);
          expect(low).toBeLessThanOrEqual(value);
          expect(high).toBeGreaterThanOrEqual(value);
          expect(high).toBeLessThanOrEqual(1);
          const middle = defined(proportion(of / 2, of));
          expect(high - low).toBeLessThanOrEqual(middle.high - middle.low + 1e-12);
        },
      ),
    );
  });
});

describe('predictiveValues', () => {
  const rates = ratesAt(
    samplesOf(
      Array.from({ length: 100 }, (_, row) => (row < 90 ? 1 : 0)),
      Array.from({ length: 200 }, (_, row) => (row < 40 ? 1 : 0)),
    ),
    0.5,
  );

  it("are Bayes' theorem at the stated prevalence, not that of the samples", () => {
    const { ppv, npv } = predictiveValues(rates, 0.01);
    expect(defined(ppv).value).toBeCloseTo((0.9 * 0.01) / (0.9 * 0.01 + 0.2 * 0.99), 12);
    expect(defined(npv).value).toBeCloseTo((0.8 * 0.99) / (0.8 * 0.99 + 0.1 * 0.01), 12);
    const own = predictiveValues(rates, 1 / 3);
    expect(defined(own.ppv).value).toBeCloseTo(90 / 130, 12);
    expect(defined(own.npv).value).toBeCloseTo(160 / 170, 12);
  });

  it('have an interval that holds the truth about as often as it says', () => {
    const random = seededRandom('predictive values');
    const draw = (count: number, chance: number) =>
      Array.from({ length: count }, () => (random() < chance ? 1 : 0));
    const truth = (0.85 * 0.1) / (0.85 * 0.1 + 0.2 * 0.9);
    const rounds = 1000;
    let held = 0;
    for (let round = 0; round < rounds; round += 1) {
      const drawn = ratesAt(samplesOf(draw(100, 0.85), draw(200, 0.2)), 0.5);
      const { low, high } = defined(defined(predictiveValues(drawn, 0.1).ppv).interval);
      if (low <= truth && truth <= high) held += 1;
    }
    expect(held / rounds).toBeGreaterThan(0.93);
    expect(held / rounds).toBeLessThan(0.97);
  });

  it('have no interval at a perfect rate, and no value where nothing is called so', () => {
    const perfect = predictiveValues(ratesAt(samplesOf([1, 1], [0, 0]), 0.5), 0.1);
    expect(perfect.ppv).toMatchObject({ value: 1, interval: { notDefined: expect.any(String) as string } });
    const silent = predictiveValues(ratesAt(samplesOf([0], [0]), 0.5), 0.1);
    expect(silent.ppv).toEqual({ notDefined: 'nothing is called positive' });
    expect(defined(silent.npv).value).toBeCloseTo(0.9, 12);
    expect(predictiveValues(ratesAt(samplesOf([], [0]), 0.5), 0.1).ppv).toHaveProperty('notDefined');
  });

  it('refuse what is no prevalence', () => {
    expect(() => predictiveValues(rates, 1)).toThrow(RangeError);
    expect(() => predictiveValues(rates, Number.NaN)).toThrow(RangeError);
  });
});
