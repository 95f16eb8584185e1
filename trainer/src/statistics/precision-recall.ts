/** Precision against recall, of scores that may tie. Pure. */
import { rocCurve } from '../metrics.ts';
import type { Statistic } from './bootstrap.ts';
import { checkBinary, type BinarySamples, type NotDefined } from './samples.ts';

/** What is called positive at `threshold` or above. */
interface PrecisionRecallPoint {
  readonly threshold: number;
  /** Part of what is called positive that is. */
  readonly precision: number;
  /** Part of what is positive that is called so; also sensitivity. */
  readonly recall: number;
}

export interface PrecisionRecall {
  /** By falling threshold, one per distinct score; the last has a recall of 1. */
  readonly points: readonly PrecisionRecallPoint[];
  /** Area under the steps, without interpolation, which flatters (Davis and Goadrich 2006). */
  readonly averagePrecision: number;
  /** Part of the samples that is positive: the average precision of a coin. */
  readonly prevalence: number;
}

/** @throws TrainerError NOT_A_NUMBER */
export function precisionRecall(samples: BinarySamples): PrecisionRecall | NotDefined {
  checkBinary(samples);
  const hits = samples.positive.filter(Boolean).length;
  const misses = samples.positive.length - hits;
  if (hits === 0) return { notDefined: `none of ${misses} samples is positive` };
  const points = rocCurve(samples.scores, samples.positive)
    .slice(1)
    .map(({ threshold, fpr, tpr }) => {
      const found = Math.round(tpr * hits);
      // Without negatives the curve's rate of false positives is 0 of 0.
      const falsePositives = misses === 0 ? 0 : Math.round(fpr * misses);
      return { threshold, precision: found / (found + falsePositives), recall: found / hits };
    });
  const averagePrecision = points.reduce(
    (area, { precision, recall }, at) => area + precision * (recall - (points[at - 1]?.recall ?? 0)),
    0,
  );
  return { points, averagePrecision, prevalence: hits / samples.positive.length };
}

/** The average precision of any rows, for `bootstrapByGroup`: scores are ranked once, a resample only counts per rank. */
export function averagePrecisionStatistic({ scores, positive }: BinarySamples): Statistic {
  const distinct = [...new Set(scores)].toSorted((a, b) => b - a);
  const rankOf = new Map(distinct.map((score, rank) => [score, rank]));
  const ranks = Int32Array.from(scores, (score) => rankOf.get(score) ?? -1);
  const counts = new Int32Array(distinct.length);
  const hits = new Int32Array(distinct.length);
  return (rows) => {
    counts.fill(0);
    hits.fill(0);
    for (const row of rows) {
      const rank = ranks[row] ?? 0;
      counts[rank] = (counts[rank] ?? 0) + 1;
      if (positive[row] === true) hits[rank] = (hits[rank] ?? 0) + 1;
    }
    let [called, found, area] = [0, 0, 0];
    for (const [rank, count] of counts.entries()) {
      called += count;
      const more = hits[rank] ?? 0;
      found += more;
      if (more > 0) area += (more * found) / called;
    }
    return found === 0 ? undefined : area / found;
  };
}
