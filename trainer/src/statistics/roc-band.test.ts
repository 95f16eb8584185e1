import { describe, expect, it } from 'vitest';
import { seededRandom } from '../random.ts';
import { precisionRecall, averagePrecisionStatistic } from './precision-recall.ts';
import { rocBand } from './roc-band.ts';
import { isDefined, type BinarySamples } from './samples.ts';

function someSamples(exams: number): BinarySamples {
  const random = seededRandom('band', exams);
  const rows = Array.from({ length: exams * 2 }, (_, row) => ({
    group: `exam-${row >> 1}`,
    positive: random() < 0.4,
  }));
  return {
    scores: rows.map(({ positive }) => Math.round(10 * (random() + (positive ? 0.5 : 0)))),
    positive: rows.map(({ positive }) => positive),
    groups: rows.map(({ group }) => group),
  };
}

function width(exams: number): number {
  return rocBand(someSamples(exams), { seed: 1 }).reduce((sum, { low, high }) => sum + high - low, 0);
}

describe('rocBand', () => {
  it('rises, and narrows as exams are added', () => {
    const band = rocBand(someSamples(30), { seed: 1 });
    expect(band).toHaveLength(51);
    for (const [at, { low, high }] of band.entries()) {
      expect(low).toBeLessThanOrEqual(high);
      expect(low).toBeGreaterThanOrEqual(band[at - 1]?.low ?? 0);
    }
    expect(width(200)).toBeLessThan(0.7 * width(30));
  });

  it('of scores that know nothing lies about the diagonal', () => {
    const { positive, groups } = someSamples(50);
    for (const { fpr, low, high } of rocBand(
      { scores: positive.map(() => 1), positive, groups },
      { seed: 1 },
    )) {
      expect(low).toBeCloseTo(fpr, 12);
      expect(high).toBeCloseTo(fpr, 12);
    }
  });

  it('has no point without both classes or with one exam', () => {
    const samples = someSamples(20);
    expect(rocBand({ ...samples, positive: samples.positive.map(() => true) }, { seed: 1 })).toEqual([]);
    expect(rocBand({ ...samples, groups: samples.groups.map(() => 'one') }, { seed: 1 })).toEqual([]);
  });
});

describe('averagePrecisionStatistic', () => {
  it('is the average precision of the rows, ties and repeats included', () => {
    const samples = someSamples(40);
    const curve = precisionRecall(samples);
    const every = Int32Array.from(samples.scores.keys());
    const value = averagePrecisionStatistic(samples)(every);
    expect(value).toBeCloseTo(isDefined(curve) ? curve.averagePrecision : Number.NaN, 12);
    const twice = Int32Array.from([...every, ...every]);
    expect(averagePrecisionStatistic(samples)(twice)).toBeCloseTo(value ?? Number.NaN, 12);
    const negatives = every.filter((row) => samples.positive[row] === false);
    expect(averagePrecisionStatistic(samples)(negatives)).toBeUndefined();
  });
});
