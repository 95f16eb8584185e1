import { ImagingError } from '../errors.ts';

/** The score of one slice. */
export type SliceScore = {
  /** Place in the stack; decides between equal scores. */
  readonly index: number;
  /** 0 to 1. */
  readonly probability: number;
};

/**
 * How slices make a series' score. `max`: the highest. `top-k-mean`: the mean of the `k` highest, or of all where
 * there are fewer; one slice's noise then weighs less.
 */
export type Aggregation = { readonly method: 'max' } | { readonly method: 'top-k-mean'; readonly k: number };

export type SeriesScore = {
  readonly probability: number;
  /** The `index` of the slice with the highest score, the lowest of equals. */
  readonly decidingIndex: number;
  /** How many slices the probability was computed from, and how many were scored. */
  readonly slicesUsed: number;
  readonly slicesScored: number;
  /** For people and records: `max`, `top-3 mean`. */
  readonly method: string;
};

const K_MAX = 1000;

/**
 * One score out of the slices', whatever order they come in. Throws ImagingError SERIES_EMPTY without any; a
 * RangeError for a probability that is none (NaN included), an index that is there twice, or a bad `k`: mistakes of
 * the caller.
 */
export function aggregateScores(
  scores: readonly SliceScore[],
  aggregation: Aggregation = { method: 'top-k-mean', k: 3 },
): SeriesScore {
  const k = aggregation.method === 'max' ? 1 : aggregation.k;
  if (!Number.isInteger(k) || k < 1 || k > K_MAX) throw new RangeError(`k is 1 to ${K_MAX}`);
  for (const { index, probability } of scores) {
    if (!(probability >= 0 && probability <= 1)) throw new RangeError(`slice ${index} has no probability`);
  }
  if (new Set(scores.map(({ index }) => index)).size < scores.length) {
    throw new RangeError('a slice is scored twice');
  }
  const best = scores.toSorted((a, b) => b.probability - a.probability || a.index - b.index).slice(0, k);
  const [deciding] = best;
  if (deciding === undefined) throw new ImagingError('SERIES_EMPTY');
  return {
    probability: best.reduce((sum, { probability }) => sum + probability, 0) / best.length,
    decidingIndex: deciding.index,
    slicesUsed: best.length,
    slicesScored: scores.length,
    method: aggregation.method === 'max' ? 'max' : `top-${k} mean`,
  };
}
