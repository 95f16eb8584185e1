/**
 * The variance of AUC without resampling (DeLong, DeLong and Clarke-Pearson 1988), ties counting half. Pure.
 *
 * Placements come from mid-ranks in n log n (Sun and Xu 2014). Nodules of one exam are not independent; over groups the
 * variance is Obuchowski's for clustered data (1997), which is DeLong's own where each group holds one sample.
 */
import { expit, normalTail, zOf } from './normal.ts';
import {
  checkBinary,
  checkNumbers,
  lacksClass,
  sameLength,
  type BinarySamples,
  type NotDefined,
} from './samples.ts';

export interface DeLongOptions {
  /** `group` unless told; `sample` is the textbook test, too sure of itself where samples share an exam. */
  readonly by?: 'group' | 'sample';
  readonly level?: number;
  /** `logit` unless told: stays within 0 and 1 and holds its level near 1, where the plain one is too short. */
  readonly scale?: 'logit' | 'plain';
}

export interface DeLongInterval {
  readonly value: number;
  readonly standardError: number;
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

export interface DeLongTest {
  /** AUC of the samples' scores less that of the others. */
  readonly difference: number;
  readonly standardError: number;
  readonly z: number;
  /** Two-sided, of no difference. */
  readonly pValue: number;
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

/** Below it a variance is rounding: the least possible one is about 1/n⁴, and n is some thousands at most. */
const ROUNDING = 1e-24;

/** @throws TrainerError NOT_A_NUMBER */
export function deLongInterval(
  samples: BinarySamples,
  { by = 'group', level = 0.95, scale = 'logit' }: DeLongOptions = {},
): DeLongInterval | NotDefined {
  checkBinary(samples);
  const lacking = lacksClass(samples.positive);
  if (lacking !== undefined) return lacking;
  const { auc: value, deviations } = placements(samples.scores, samples.positive);
  const variance = varianceOf(deviations, samples, by);
  if (typeof variance !== 'number') return variance;
  if (variance < ROUNDING) {
    return { notDefined: `DeLong's variance is 0 at an AUC of ${value}; it says nothing about the spread` };
  }
  const standardError = Math.sqrt(variance);
  const z = zOf(level);
  if (scale === 'plain') {
    const [low, high] = [Math.max(0, value - z * standardError), Math.min(1, value + z * standardError)];
    return { value, standardError, low, high, level };
  }
  const logit = Math.log(value / (1 - value));
  const spread = (z * standardError) / (value * (1 - value));
  return { value, standardError, low: expit(logit - spread), high: expit(logit + spread), level };
}

/**
 * Whether two scores of the same samples differ in AUC.
 *
 * @param other one score per row of the samples
 * @throws TrainerError NOT_A_NUMBER
 */
export function deLongTest(
  samples: BinarySamples,
  other: readonly number[],
  { by = 'group', level = 0.95 }: Omit<DeLongOptions, 'scale'> = {},
): DeLongTest | NotDefined {
  checkBinary(samples);
  checkNumbers(other);
  sameLength(samples.scores, other);
  const lacking = lacksClass(samples.positive);
  if (lacking !== undefined) return lacking;
  const one = placements(samples.scores, samples.positive);
  const two = placements(other, samples.positive);
  const difference = one.auc - two.auc;
  const deviations = one.deviations.map((deviation, row) => deviation - (two.deviations[row] ?? 0));
  const variance = varianceOf(deviations, samples, by);
  if (typeof variance !== 'number') return variance;
  if (variance < ROUNDING) {
    return Math.abs(difference) < 1e-12
      ? { difference: 0, standardError: 0, z: 0, pValue: 1, low: 0, high: 0, level }
      : { notDefined: `DeLong's variance is 0 at a difference of ${difference}; there is no test` };
  }
  const standardError = Math.sqrt(variance);
  const z = difference / standardError;
  const spread = zOf(level) * standardError;
  const pValue = 2 * normalTail(Math.abs(z));
  return { difference, standardError, z, pValue, low: difference - spread, high: difference + spread, level };
}

/**
 * Of each row: the part of the other class that it is ranked rightly against, less the AUC.
 */
function placements(
  scores: readonly number[],
  positive: readonly boolean[],
): { readonly auc: number; readonly deviations: Float64Array } {
  const all = midRanks(scores, [...scores.keys()]);
  const rows = Map.groupBy(scores.keys(), (row) => positive[row] === true);
  const hits = rows.get(true) ?? [];
  const misses = rows.get(false) ?? [];
  const right = new Float64Array(scores.length);
  const fill = (own: readonly number[], others: number, place: (beaten: number) => number) => {
    for (const [row, rank] of midRanks(scores, own))
      right[row] = place(((all.get(row) ?? 0) - rank) / others);
  };
  fill(hits, misses.length, (beaten) => beaten);
  fill(misses, hits.length, (beaten) => 1 - beaten);
  const auc = hits.reduce((sum, row) => sum + (right[row] ?? 0), 0) / hits.length;
  return { auc, deviations: right.map((place) => place - auc) };
}

/** 1-based rank of some rows among themselves, equal scores sharing the mean of theirs. */
function midRanks(scores: readonly number[], rows: readonly number[]): ReadonlyMap<number, number> {
  const scoreOf = (row: number | undefined) => scores[row ?? -1] ?? Number.NaN;
  const order = rows.toSorted((a, b) => scoreOf(a) - scoreOf(b));
  const ranks = new Map<number, number>();
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && scoreOf(order[end]) === scoreOf(order[start])) end += 1;
    for (const row of order.slice(start, end)) ranks.set(row, (start + 1 + end) / 2);
    start = end;
  }
  return ranks;
}

/** Obuchowski (1997): the deviations summed within each group, and their squares across groups. */
function varianceOf(
  deviations: Float64Array,
  { positive, groups }: BinarySamples,
  by: 'group' | 'sample',
): number | NotDefined {
  const sums = new Map<string | number, { hits: number; misses: number; ofHits: number; ofMisses: number }>();
  for (const [row, deviation] of deviations.entries()) {
    const key = by === 'group' ? (groups[row] ?? '') : row;
    const sum = sums.get(key) ?? { hits: 0, misses: 0, ofHits: 0, ofMisses: 0 };
    sums.set(key, sum);
    if (positive[row] === true) {
      sum.hits += 1;
      sum.ofHits += deviation;
    } else {
      sum.misses += 1;
      sum.ofMisses += deviation;
    }
  }
  const all = [...sums.values()];
  const total = (of: (sum: (typeof all)[number]) => number) => all.reduce((whole, sum) => whole + of(sum), 0);
  const [hits, misses] = [total((sum) => sum.hits), total((sum) => sum.misses)];
  const [withHits, withMisses] = [total((sum) => +(sum.hits > 0)), total((sum) => +(sum.misses > 0))];
  if (withHits < 2 || withMisses < 2) {
    return { notDefined: `DeLong needs two ${by}s of each class; there are ${withHits} and ${withMisses}` };
  }
  return (
    ((withHits / (withHits - 1)) * total((sum) => sum.ofHits ** 2)) / hits ** 2 +
    ((withMisses / (withMisses - 1)) * total((sum) => sum.ofMisses ** 2)) / misses ** 2 +
    (2 * (all.length / (all.length - 1)) * total((sum) => sum.ofHits * sum.ofMisses)) / (hits * misses)
  );
}
