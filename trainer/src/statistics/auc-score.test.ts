import { describe, expect, it } from 'vitest';
import { near } from '../../test/figures.ts';
import { seededRandom } from '../random.ts';
import { aucScoreInterval } from './auc-score.ts';
import { aucStatistic } from './auc.ts';
import { normalQuantile } from './normal.ts';

describe('aucScoreInterval', () => {
  it('is not a point where nothing overlaps, and narrows as samples are added', () => {
    const [few, many] = [aucScoreInterval(1, 3, 10), aucScoreInterval(1, 100, 300)];
    expect(few).toMatchObject({ high: 1, positives: 3, negatives: 10 });
    expect(few.low).toBeLessThan(0.7);
    expect(many.low).toBeGreaterThan(0.95);
  });

  it('turns with the scores and with the classes', () => {
    const { low, high } = aucScoreInterval(0.8, 12, 30);
    expect(low).toBeLessThan(0.8);
    expect(high).toBeGreaterThan(0.8);
    expect(aucScoreInterval(0.2, 12, 30)).toMatchObject({ low: near(1 - high, 9), high: near(1 - low, 9) });
    expect(aucScoreInterval(0.8, 30, 12)).toMatchObject({ low: near(low, 9), high: near(high, 9) });
  });

  it('holds the truth about as often as it says where few samples have an AUC near 1', () => {
    const random = seededRandom('score interval');
    const normal = (shift: number) => normalQuantile(Math.max(1e-12, random())) + shift;
    const shift = Math.SQRT2 * normalQuantile(0.95);
    const positive = Array.from({ length: 30 }, (_, row) => row < 10);
    const rows = Int32Array.from(positive.keys());
    const rounds = 1000;
    let held = 0;
    for (let round = 0; round < rounds; round += 1) {
      const scores = positive.map((is) => normal(is ? shift : 0));
      const { low, high } = aucScoreInterval(aucStatistic(scores, positive)(rows) ?? 0, 10, 20);
      if (low <= 0.95 && 0.95 <= high) held += 1;
    }
    expect(held / rounds).toBeGreaterThan(0.93);
    expect(held / rounds).toBeLessThan(0.99);
  });
});
