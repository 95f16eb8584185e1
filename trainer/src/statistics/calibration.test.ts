import { atTemperature } from '@hilum/model';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import reference from '../../test/fixtures/statistics.json' with { type: 'json' };
import { defined, failure, near } from '../../test/figures.ts';
import { brierOfClasses, calibrate, calibrateMostProbable } from './calibration.ts';
import { confusion, mostProbable } from './confusion.ts';
import { precisionRecall } from './precision-recall.ts';
import { fitTemperature } from './temperature.ts';

const withGroups = <T extends { readonly classes: readonly number[] }>(given: T) => ({
  ...given,
  groups: given.classes.map(String),
});

const rowsOf = (weights: readonly (readonly number[])[]) =>
  weights.map((row) => {
    const total = row.reduce((sum, weight) => sum + weight, 0);
    return row.map((weight) => weight / total);
  });

/** In rising order of scores. */
const rising = (positive: readonly boolean[]) => ({
  scores: positive.map((_, row) => row),
  positive,
  groups: positive.map(String),
});

/** Probabilities of three classes, with classes drawn apart from them. */
const threeClasses = fc
  .array(
    fc.record({
      weights: fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 1, max: 20 }))),
      right: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 5, maxLength: 40 },
  )
  .map((rows) =>
    withGroups({
      probabilities: rowsOf(rows.map(({ weights }) => weights)),
      classes: rows.map(({ right }) => right),
    }),
  )
  .filter(({ classes }) => new Set(classes).size > 1);

describe.each(reference.binary)('two classes %#', (given) => {
  it('have the Brier score of scikit-learn and the error of equal-mass bins by numpy', () => {
    expect(calibrate(given.scores, given.positive)).toMatchObject({
      brier: near(given.brier),
      ece: near(given.ece),
      samples: given.scores.length,
    });
  });

  it('have the average precision and every point of the curve of scikit-learn', () => {
    const { points, averagePrecision } = defined(precisionRecall(given));
    expect(averagePrecision).toBeCloseTo(given.averagePrecision, 12);
    expect(points.map(({ threshold, precision, recall }) => [threshold, precision, recall])).toEqual(
      given.precisionRecall.map(([threshold = NaN, precision = NaN, recall = NaN]) => [
        threshold,
        near(precision),
        near(recall),
      ]),
    );
  });
});

describe.each(reference.classes)('several classes %#', (each) => {
  const given = withGroups(each);
  const width = given.confusion.length;

  it('have the temperature of least log-loss by SciPy', () => {
    expect(fitTemperature(given)).toEqual({
      temperature: near(given.temperature, 9),
      nllBefore: near(given.nllBefore, 10),
      nllAfter: near(given.nllAfter, 10),
      samples: given.classes.length,
      atLimit: false,
    });
  });

  it('have the confusion matrix, the accuracy and the Brier score of scikit-learn', () => {
    const { counts, accuracy, recall, precision } = confusion(given, width);
    expect(counts).toEqual(given.confusion);
    expect(accuracy).toMatchObject({ value: near(given.accuracy) });
    expect(recall.map((each) => defined(each).count)).toEqual(counts.map((row, at) => row[at]));
    expect(recall.map((each) => defined(each).of)).toEqual(
      counts.map((row) => row.reduce((sum, count) => sum + count, 0)),
    );
    expect(precision.map((each) => defined(each).of).reduce((sum, of) => sum + of, 0)).toBe(
      given.classes.length,
    );
    expect(brierOfClasses(given)).toBeCloseTo(given.brier, 12);
    expect(calibrateMostProbable(given, 15)).toMatchObject({ ece: near(given.eceOfMostProbable) });
  });
});

describe('a temperature', () => {
  it('leaves the most probable class what it was, and the probabilities adding up to 1', () => {
    fc.assert(
      fc.property(threeClasses, fc.double({ min: 0.06, max: 19, noNaN: true }), (given, temperature) => {
        for (const row of given.probabilities) {
          const scaled = atTemperature(row, temperature);
          expect(row[mostProbable(scaled)]).toBe(Math.max(...row));
          expect(scaled.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
        }
      }),
    );
  });

  it('never makes the likelihood of its own samples worse, and fitting again finds 1', () => {
    fc.assert(
      fc.property(threeClasses, (given) => {
        const { temperature, nllBefore, nllAfter, atLimit } = defined(fitTemperature(given));
        expect(nllAfter).toBeLessThanOrEqual(nllBefore + 1e-12);
        fc.pre(!atLimit);
        const probabilities = given.probabilities.map((row) => atTemperature(row, temperature));
        expect(fitTemperature({ ...given, probabilities })).toMatchObject({ temperature: near(1, 6) });
      }),
    );
  });

  it('undoes one that was put on, softening what is too sure', () => {
    const given = withGroups(reference.classes[1] ?? { probabilities: [], classes: [] });
    const { temperature } = defined(fitTemperature(given));
    const probabilities = given.probabilities.map((row) => atTemperature(row, 0.5));
    expect(fitTemperature({ ...given, probabilities })).toMatchObject({
      temperature: near(2 * temperature, 8),
    });
  });

  it('stops at a limit, and says so, where all samples are right or the scores point the wrong way', () => {
    const sure = [
      [0.9, 0.1],
      [0.2, 0.8],
    ];
    const groups = ['a', 'b'];
    expect(fitTemperature({ probabilities: sure, classes: [0, 1], groups })).toMatchObject({
      temperature: near(0.05),
      atLimit: true,
    });
    expect(fitTemperature({ probabilities: sure, classes: [1, 0], groups })).toMatchObject({
      temperature: near(20),
      atLimit: true,
    });
  });

  it('survives a probability of 0 for what happens, and is not defined for one class or none', () => {
    const groups = ['a', 'b', 'c'];
    const zero = [
      [1, 0],
      [0.2, 0.8],
      [0, 1],
    ];
    expect(defined(fitTemperature({ probabilities: zero, classes: [1, 1, 0], groups })).temperature).toBe(20);
    expect(fitTemperature({ probabilities: zero, classes: [1, 1, 1], groups })).toEqual({
      notDefined: 'all samples are of one class',
    });
    expect(fitTemperature({ probabilities: [], classes: [], groups: [] })).toHaveProperty('notDefined');
    expect(() => atTemperature([1, 0], 0)).toThrow(RangeError);
  });
});

describe('calibrate', () => {
  const said = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.boolean()), {
    minLength: 1,
    maxLength: 60,
  });

  it('adds up to the Brier score, holds all samples in its bins and never parts equals', () => {
    fc.assert(
      fc.property(said, fc.integer({ min: 1, max: 12 }), (rows, bins) => {
        const given = rows.map(([eighths]) => eighths / 8);
        const happened = rows.map(([, yes]) => yes);
        const got = defined(calibrate(given, happened, bins));
        const { reliability, resolution, uncertainty, within } = got.decomposition;
        expect(reliability - resolution + uncertainty + within).toBeCloseTo(got.brier, 12);
        expect(got.bins.reduce((sum, bin) => sum + bin.happened.of, 0)).toBe(rows.length);
        expect(got.bins.length).toBeLessThanOrEqual(bins);
        for (const [at, bin] of got.bins.entries()) {
          expect(bin.from).toBeGreaterThan(got.bins[at - 1]?.to ?? -1);
        }
      }),
    );
  });

  it('does not depend on the order of rows', () => {
    fc.assert(
      fc.property(said, (rows) => {
        const columns = (list: typeof rows) =>
          calibrate(
            list.map(([eighths]) => eighths / 8),
            list.map(([, yes]) => yes),
          );
        const [one, other] = [defined(columns(rows)), defined(columns(rows.toReversed()))];
        expect(other.ece).toBeCloseTo(one.ece, 12);
        expect(other.bins.length).toBe(one.bins.length);
      }),
    );
  });

  it('finds nothing wrong with what happens as often as it is said, and loses nothing within equal bins', () => {
    const given = [0.25, 0.25, 0.25, 0.25, 0.5, 0.5];
    const got = defined(calibrate(given, [true, false, false, false, true, false], 2));
    expect(got).toMatchObject({ ece: 0, decomposition: { reliability: 0, within: near(0) } });
    expect(got.bins.map(({ predicted }) => predicted)).toEqual([0.25, 0.5]);
  });

  it('is not defined of nothing, and refuses what is no number', () => {
    expect(calibrate([], [])).toEqual({ notDefined: 'there are no samples' });
    expect(brierOfClasses({ probabilities: [], classes: [], groups: [] })).toHaveProperty('notDefined');
    expect(() => calibrate([Number.NaN], [true])).toThrow(failure('NOT_A_NUMBER'));
  });
});

describe('precisionRecall', () => {
  it('is not defined without positives, and is 1 without negatives', () => {
    expect(precisionRecall(rising([false, false]))).toEqual({
      notDefined: 'none of 2 samples is positive',
    });
    expect(precisionRecall(rising([true, true]))).toMatchObject({ averagePrecision: 1, prevalence: 1 });
  });
});

describe('confusion', () => {
  it('has no recall of a class that does not occur and no precision of one that is never said', () => {
    const one = { probabilities: [[0.6, 0.4]], classes: [0], groups: ['a'] };
    const { counts, recall, precision } = confusion(one, 2);
    expect(counts).toEqual([
      [1, 0],
      [0, 0],
    ]);
    expect(recall[1]).toHaveProperty('notDefined');
    expect(precision[1]).toHaveProperty('notDefined');
  });
});
