/** How far the ROC curve of another sample of exams would lie from this one. Pure given its seed. */
import { drawsByGroup, quantile, type BootstrapOptions } from './bootstrap.ts';
import { checkBinary, type BinarySamples } from './samples.ts';

export interface RocBandPoint {
  readonly fpr: number;
  readonly low: number;
  readonly high: number;
}

/** 51 points: more are not seen in a plot. */
const STEPS = 50;

/** Enough for a band that is looked at; figures take more. */
const RESAMPLES = 500;

/**
 * The pointwise interval of the sensitivity at each false-positive rate, by percentiles of resampled exams or patients
 * (vertical averaging: Fawcett 2006). Draws that lack a class are left out.
 *
 * @returns no point where there are not both classes in at least two groups
 * @throws TrainerError NOT_A_NUMBER
 */
export function rocBand(
  samples: BinarySamples,
  { seed, resamples = RESAMPLES, level = 0.95 }: BootstrapOptions,
): readonly RocBandPoint[] {
  checkBinary(samples);
  if (new Set(samples.groups).size < 2 || new Set(samples.positive).size < 2) return [];
  const curveOf = curves(samples);
  const draws: Float64Array[] = [];
  for (const rows of drawsByGroup(samples.groups, { seed, resamples })) {
    const curve = curveOf(rows);
    if (curve !== undefined) draws.push(curve);
  }
  if (draws.length === 0) return [];
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const heights = draws.map((curve) => curve[step] ?? 0).toSorted((a, b) => a - b);
    return {
      fpr: step / STEPS,
      low: quantile(heights, (1 - level) / 2),
      high: quantile(heights, (1 + level) / 2),
    };
  });
}

/** Sensitivity at each step of the false-positive rate; between two scores, on the straight line. */
function curves({ scores, positive }: BinarySamples): (rows: Int32Array) => Float64Array | undefined {
  const distinct = [...new Set(scores)].toSorted((a, b) => b - a);
  const rankOf = new Map(distinct.map((score, rank) => [score, rank]));
  const ranks = Int32Array.from(scores, (score) => rankOf.get(score) ?? -1);
  const hits = new Int32Array(distinct.length);
  const misses = new Int32Array(distinct.length);
  return (rows) => {
    hits.fill(0);
    misses.fill(0);
    let [positives, negatives] = [0, 0];
    for (const row of rows) {
      const rank = ranks[row] ?? 0;
      const counts = positive[row] === true ? hits : misses;
      counts[rank] = (counts[rank] ?? 0) + 1;
      if (positive[row] === true) positives += 1;
      else negatives += 1;
    }
    if (positives === 0 || negatives === 0) return undefined;
    return heightsOf(hits, misses, positives, negatives);
  };
}

function heightsOf(hits: Int32Array, misses: Int32Array, positives: number, negatives: number): Float64Array {
  const heights = new Float64Array(STEPS + 1).fill(1);
  let [fpr, tpr, step] = [0, 0, 0];
  for (const [rank, found] of hits.entries()) {
    const nextFpr = fpr + (misses[rank] ?? 0) / negatives;
    const nextTpr = tpr + found / positives;
    for (; step <= STEPS && step / STEPS < nextFpr; step += 1) {
      heights[step] = tpr + ((nextTpr - tpr) * (step / STEPS - fpr)) / (nextFpr - fpr);
    }
    [fpr, tpr] = [nextFpr, nextTpr];
  }
  return heights;
}
