import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accuracy, aucRoc, rocCurve } from './metrics.ts';

/** The definition itself: over all pairs, the positive wins, or half of it on a tie. */
function aucByPairs(scores: readonly number[], positive: readonly boolean[]): number {
  let wins = 0;
  let pairs = 0;
  for (const [p, isPositive] of positive.entries()) {
    for (const [n, isOther] of positive.entries()) {
      if (!isPositive || isOther) continue;
      pairs += 1;
      const difference = (scores[p] ?? 0) - (scores[n] ?? 0);
      if (difference > 0) wins += 1;
      if (difference === 0) wins += 0.5;
    }
  }
  return wins / pairs;
}

// Few distinct scores, so that ties are the rule.
const samples = fc
  .array(fc.record({ score: fc.integer({ min: 0, max: 8 }), positive: fc.boolean() }), {
    minLength: 2,
    maxLength: 60,
  })
  .filter((list) => new Set(list.map((sample) => sample.positive)).size === 2);

describe('aucRoc', () => {
  it('is the share of pairs that are ranked right, ties counting half', () => {
    fc.assert(
      fc.property(samples, (list) => {
        const scores = list.map((sample) => sample.score / 8);
        const positive = list.map((sample) => sample.positive);
        expect(aucRoc(scores, positive)).toBeCloseTo(aucByPairs(scores, positive), 12);
      }),
    );
  });

  it('is the area under the points of rocCurve', () => {
    fc.assert(
      fc.property(samples, (list) => {
        const scores = list.map((sample) => sample.score);
        const positive = list.map((sample) => sample.positive);
        const points = rocCurve(scores, positive);
        let area = 0;
        for (const [at, point] of points.entries()) {
          const before = points[at - 1] ?? point;
          area += ((point.fpr - before.fpr) * (point.tpr + before.tpr)) / 2;
        }
        expect(aucRoc(scores, positive)).toBeCloseTo(area, 12);
        expect(points.at(-1)).toMatchObject({ fpr: 1, tpr: 1 });
      }),
    );
  });

  it('is not a number where one of the classes is absent', () => {
    expect(aucRoc([0.1, 0.9], [true, true])).toBeNaN();
    expect(aucRoc([0.1, 0.9], [false, false])).toBeNaN();
  });
});

describe('accuracy', () => {
  it('counts the rows whose largest probability is that of their class, the first on a tie', () => {
    const rows = [
      [0.7, 0.3],
      [0.2, 0.8],
      [0.5, 0.5],
      [0.9, 0.1],
    ];
    expect(accuracy(rows, [0, 1, 0, 1])).toBe(0.75);
  });
});
