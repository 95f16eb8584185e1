import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { aggregateScores } from '../src/index.ts';

const scored = (...probabilities: readonly number[]) =>
  probabilities.map((probability, index) => ({ index, probability }));

test('by default the three highest scores are averaged, and the highest decides', () => {
  expect(aggregateScores(scored(0.25, 0.75, 0.5, 0.125, 0.25))).toEqual({
    probability: 0.5,
    decidingIndex: 1,
    slicesUsed: 3,
    slicesScored: 5,
    method: 'top-3 mean',
  });
});

test('max takes the highest score alone', () => {
  expect(aggregateScores(scored(0.25, 0.75, 0.5), { method: 'max' })).toMatchObject({
    probability: 0.75,
    decidingIndex: 1,
    slicesUsed: 1,
    method: 'max',
  });
});

test('with fewer slices than k all are averaged', () => {
  expect(aggregateScores(scored(0.5, 0.25), { method: 'top-k-mean', k: 5 })).toMatchObject({
    probability: 0.375,
    slicesUsed: 2,
    method: 'top-5 mean',
  });
});

test('the lowest of equal slices decides, whatever order the scores come in', () => {
  const scores = scored(0.1, 0.9, 0.9, 0.3, 0.9, 0.7);
  const want = aggregateScores(scores);
  expect(want.decidingIndex).toBe(1);
  fc.assert(
    fc.property(fc.shuffledSubarray(scores, { minLength: scores.length }), (shuffled) => {
      expect(aggregateScores(shuffled)).toEqual(want);
    }),
  );
});

test('a series without a scored slice is refused', () => {
  expect(() => aggregateScores([])).toThrow(expect.objectContaining({ code: 'SERIES_EMPTY' }));
});

test.each([Number.NaN, -0.1, 1.1, Infinity])('%s is no probability', (probability) => {
  expect(() => aggregateScores(scored(0.5, probability))).toThrow(RangeError);
});

test.each([0, -1, 1.5, Number.NaN])('a mean of the %s highest has no meaning', (k) => {
  expect(() => aggregateScores(scored(0.5), { method: 'top-k-mean', k })).toThrow(RangeError);
});

test('a slice that is scored twice is a mistake of the caller', () => {
  expect(() => aggregateScores([...scored(0.5), ...scored(0.5)])).toThrow(RangeError);
});
