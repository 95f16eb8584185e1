/** AUC-ROC with its intervals, and of two scores on the same samples. Pure given its seed. */
import {
  bootstrapByGroup,
  difference,
  type BootstrapInterval,
  type BootstrapOptions,
  type Statistic,
} from './bootstrap.ts';
import { aucScoreInterval, type AucScoreInterval } from './auc-score.ts';
import { deLongInterval, deLongTest, type DeLongInterval, type DeLongTest } from './delong.ts';
import {
  checkBinary,
  checkNumbers,
  isDefined,
  lacksClass,
  sameLength,
  type BinarySamples,
  type NotDefined,
} from './samples.ts';

export interface AucEstimate {
  readonly value: number;
  readonly bootstrap: BootstrapInterval | NotDefined;
  readonly deLong: DeLongInterval | NotDefined;
  /** Of the groups with a positive and those with a negative: what is left to say where the others are not defined. */
  readonly score: AucScoreInterval;
}

/** AUC of the one less AUC of the other; above 0 where the one is better. */
export interface AucComparison {
  readonly difference: number;
  readonly bootstrap: BootstrapInterval | NotDefined;
  readonly deLong: DeLongTest | NotDefined;
}

/**
 * The area under the ROC curve, by group bootstrap and by DeLong over groups.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function estimateAuc(samples: BinarySamples, options: BootstrapOptions): AucEstimate | NotDefined {
  checkBinary(samples);
  const statistic = aucStatistic(samples.scores, samples.positive);
  const value = statistic(everyRow(samples));
  if (value === undefined) return lacksClass(samples.positive) ?? { notDefined: 'there is no AUC' };
  return {
    value,
    deLong: deLongInterval(samples, options),
    ...aucIntervals(value, statistic, samples, options),
  };
}

/**
 * By resampling groups, and by their number alone: an AUC at which all resamples are alike has no spread to be seen, and
 * is still not certain.
 *
 * @param statistic of rows of the samples: their AUC, or a mean of several
 */
export function aucIntervals(
  value: number,
  statistic: Statistic,
  samples: Truth,
  options: BootstrapOptions,
): Pick<AucEstimate, 'bootstrap' | 'score'> {
  const bootstrap = bootstrapByGroup(samples.groups, statistic, options);
  return {
    bootstrap: isDefined(bootstrap) && bootstrap.low === bootstrap.high ? NO_SPREAD : bootstrap,
    score: aucScoreInterval(value, groupsOf(samples, true), groupsOf(samples, false), options.level),
  };
}

type Truth = Pick<BinarySamples, 'positive' | 'groups'>;

const NO_SPREAD: NotDefined = {
  notDefined: 'nearly all resamples have the same AUC; they say nothing about the spread',
};

function groupsOf({ positive, groups }: Truth, of: boolean): number {
  return new Set(groups.filter((_, row) => positive[row] === of)).size;
}

/** The interval that says most: by resampling, else by DeLong, else by the number of groups alone. */
export function intervalOf({ bootstrap, deLong, score }: AucEstimate): {
  readonly low: number;
  readonly high: number;
  readonly level: number;
} {
  if (isDefined(bootstrap)) return bootstrap;
  return isDefined(deLong) ? deLong : score;
}

/**
 * The scores of the samples against other scores of the same rows: a champion's, or a shortcut's.
 *
 * @param other one score per row of the samples
 * @throws TrainerError NOT_A_NUMBER
 */
export function compareAuc(
  samples: BinarySamples,
  other: readonly number[],
  options: BootstrapOptions,
): AucComparison | NotDefined {
  checkBinary(samples);
  checkNumbers(other);
  sameLength(samples.scores, other);
  const statistic = difference(
    aucStatistic(samples.scores, samples.positive),
    aucStatistic(other, samples.positive),
  );
  const value = statistic(everyRow(samples));
  if (value === undefined) return lacksClass(samples.positive) ?? { notDefined: 'there is no AUC' };
  return {
    difference: value,
    bootstrap: bootstrapByGroup(samples.groups, statistic, options),
    deLong: deLongTest(samples, other, options),
  };
}

/**
 * AUC of any rows in time linear in their number: scores are ranked once, and a resample only counts per rank.
 *
 * The same value as metrics.ts's aucRoc, which sorts anew.
 */
export function aucStatistic(scores: readonly number[], positive: readonly boolean[]): Statistic {
  const distinct = [...new Set(scores)].toSorted((a, b) => a - b);
  const rankOf = new Map(distinct.map((score, rank) => [score, rank]));
  const ranks = Int32Array.from(scores, (score) => rankOf.get(score) ?? -1);
  const signs = Uint8Array.from(positive, Number);
  const positives = new Int32Array(distinct.length);
  const negatives = new Int32Array(distinct.length);
  return (rows) => {
    positives.fill(0);
    negatives.fill(0);
    for (const row of rows) {
      const rank = ranks[row] ?? 0;
      if (signs[row] === 1) positives[rank] = (positives[rank] ?? 0) + 1;
      else negatives[rank] = (negatives[rank] ?? 0) + 1;
    }
    return areaOf(positives, negatives);
  };
}

/** From counts per rank, lowest score first. */
function areaOf(positives: Int32Array, negatives: Int32Array): number | undefined {
  let beaten = 0;
  let hits = 0;
  let wins = 0;
  for (const [rank, count] of positives.entries()) {
    const tied = negatives[rank] ?? 0;
    wins += count * (beaten + tied / 2);
    beaten += tied;
    hits += count;
  }
  return hits === 0 || beaten === 0 ? undefined : wins / (hits * beaten);
}

function everyRow(samples: BinarySamples): Int32Array {
  return Int32Array.from(samples.scores.keys());
}
