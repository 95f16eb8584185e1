/** Whether the intervals of AUC hold the truth as often as they say: why the defaults are what they are. */
import { expect, it } from 'vitest';
import { defined } from '../../test/figures.ts';
import { seededRandom } from '../random.ts';
import { aucStatistic } from './auc.ts';
import { bootstrapByGroup } from './bootstrap.ts';
import { deLongInterval } from './delong.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import type { BinarySamples } from './samples.ts';

const SHIFT = 2.8;
/** Of two scores of other exams, both of variance 1 and `SHIFT` apart. */
const TRUTH = normalCdf(SHIFT / Math.SQRT2);
const ROUNDS = 400;

/** One to four nodules per exam that are of one kind mostly and look alike: half the variance is the exam's. */
function draw(exams: number, random: () => number): BinarySamples {
  const gauss = () => normalQuantile((random() * 2 ** 32 + 0.5) / 2 ** 32);
  const rows = Array.from({ length: exams }, (_, exam) => {
    const kind = random() < 0.4;
    const look = gauss() * Math.SQRT1_2;
    return Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      const positive = random() < 0.9 ? kind : !kind;
      const score = (positive ? SHIFT : 0) + look + gauss() * Math.SQRT1_2;
      return { score, positive, group: `exam-${exam}` };
    });
  }).flat();
  return {
    scores: rows.map(({ score }) => score),
    positive: rows.map(({ positive }) => positive),
    groups: rows.map(({ group }) => group),
  };
}

it('95 % intervals over exams hold the truth; percentiles and DeLong over nodules are too sure of themselves', () => {
  const random = seededRandom('coverage');
  const held = { bca: 0, percentile: 0, byGroup: 0, bySample: 0 };
  const tooHigh = { ...held };
  const note = (which: keyof typeof held, { low, high }: { readonly low: number; readonly high: number }) => {
    if (low <= TRUTH && TRUTH <= high) held[which] += 1;
    if (low > TRUTH) tooHigh[which] += 1;
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    const samples = draw(80, random);
    const auc = aucStatistic(samples.scores, samples.positive);
    for (const method of ['bca', 'percentile'] as const) {
      note(method, defined(bootstrapByGroup(samples.groups, auc, { seed: round, resamples: 400, method })));
    }
    note('byGroup', defined(deLongInterval(samples, { by: 'group' })));
    note('bySample', defined(deLongInterval(samples, { by: 'sample' })));
  }
  // Of 400, with 380 and 10 to be had: BCa 370 and 20, percentiles 363 and 36, DeLong by exam 373, by nodule 356.
  expect(held.byGroup).toBeGreaterThan(0.92 * ROUNDS);
  expect(held.bca).toBeGreaterThan(0.92 * ROUNDS);
  expect(held.bySample).toBeLessThan(0.9 * ROUNDS);
  expect(tooHigh.percentile).toBeGreaterThan(1.5 * tooHigh.bca);
});
