import { deviate } from './deviate.ts';
import type { FeatureGroup } from './taps.ts';

/**
 * A function for each feature, straight between its points and flat outside of them: `levels` are its values at
 * `knots`. Both are `[width, points]`; a feature's knots rise, and one with fewer points repeats its last.
 */
export interface Normaliser {
  /** Number of features. */
  readonly width: number;
  /** At least 2. */
  readonly points: number;
  readonly knots: Float32Array;
  readonly levels: Float32Array;
}

/**
 * Learns from training rows what turns each feature into a normal deviate by its rank, weighed by the share of its
 * group: in a penalised linear head a group has a say by its share, however many features it has.
 *
 * Of each feature: the rank at evenly spaced quantiles, the mean of the lowest and highest rank where quantiles tie;
 * kept within 0.5 and 99.5 %; as a normal deviate; minus the mean and over the standard deviation of the rows (a
 * thousandth of the group's largest is added, so that next to constant features stay small); within ±6; times
 * sqrt(share · all features / features of the group). The mean variance of all features is thus 1, whatever the shares,
 * so that ordinary step sizes fit. A constant feature becomes 0. Between the quantiles the function is straight in the
 * deviate, so that it is continuous: engines whose features differ by a rounding agree.
 *
 * @param rows `[n, width]`, n at least 1; the width is the sum of the groups' lengths
 * @param groups as `featureGroups` gives them
 * @param quantiles how many; 2 or more
 * @throws RangeError for rows that are none, ragged or not finite
 */
export function fitNormaliser(
  rows: Float32Array,
  groups: readonly FeatureGroup[],
  quantiles = 101,
): Normaliser {
  const width = groups.reduce((sum, { length }) => sum + length, 0);
  const count = rows.length / width;
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(`${rows.length} values are not rows of ${width} features`);
  }
  if (!rows.every((value) => Number.isFinite(value))) throw new RangeError('a feature is not finite');
  if (!Number.isInteger(quantiles) || quantiles < 2)
    throw new RangeError(`${quantiles} quantiles are no table`);
  const deviates = deviatesOf(quantiles);
  let start = 0;
  const functions = groups.flatMap(({ length, share, alike }) => {
    const columns = columnsOf(rows, width, start, (start += length));
    const largest = columns.map((column) => largestOf(column));
    const ofAll = largest.reduce((most, value) => Math.max(most, value), 0);
    const standard = columns.map((column, at) =>
      standardised(column, deviates, ROUNDING * (alike ? ofAll : (largest[at] ?? 0))),
    );
    const spread = standard.reduce((most, column) => Math.max(most, column.spread), 0);
    const weight = Math.sqrt((share * width) / length);
    return standard.map((column) => weighed(column, spread, weight));
  });
  return tables(functions);
}

/** Rows `[n, width]` through the functions. */
export function normaliseRows(
  { width, points, knots, levels }: Normaliser,
  rows: Float32Array,
): Float32Array {
  return rows.map((value, at) => {
    const start = (at % width) * points;
    return valueAt(knots, levels, start, start + points, value);
  });
}

/**
 * How steep each function is about the values of one row, `[width]`: over a twentieth of its range to either side. At
 * the value itself it may be steeper than anything near, between two quantiles that nearly tie, and is what engines,
 * which round differently, do not agree on.
 */
export function slopesAt({ width, points, knots, levels }: Normaliser, row: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: width }, (_, feature) => {
    const [start, end] = [feature * points, (feature + 1) * points];
    const reach = REACH * ((knots[end - 1] ?? 0) - (knots[start] ?? 0));
    if (reach === 0) return 0;
    const value = row[feature] ?? 0;
    const [below, above] = [value - reach, value + reach].map((at) => valueAt(knots, levels, start, end, at));
    return ((above ?? 0) - (below ?? 0)) / (2 * reach);
  });
}

const REACH = 0.05;

/** The function whose points are those from `start` to before `end`, at `value`. */
function valueAt(
  knots: Float32Array,
  levels: ArrayLike<number>,
  start: number,
  end: number,
  value: number,
): number {
  let low = start; // knots before it are at or below the value
  let high = end; // knots from it on are above
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((knots[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  if (low === start) return levels[start] ?? 0;
  const from = levels[low - 1] ?? 0;
  if (low === end) return from;
  const [left, right] = [knots[low - 1] ?? 0, knots[low] ?? 0];
  return from + (((levels[low] ?? 0) - from) * (value - left)) / (right - left);
}

/** The deviates of ranks in half steps: that of a tie of the quantiles i to k is at i + k. */
function deviatesOf(quantiles: number): Float64Array {
  const last = 2 * (quantiles - 1);
  return Float64Array.from({ length: last + 1 }, (_, at) =>
    deviate(Math.min(Math.max(at / last, TAIL), 1 - TAIL)),
  );
}

/** Ranks are kept this far from 0 and 1, where the deviate is infinite. */
const TAIL = 0.005;

/**
 * As a share of the largest feature (of its group, where those are alike): how near two quantiles are for a tie. A map's
 * small values are sums in which large ones cancel, and engines round these in different orders: 5e-7 was seen between
 * TensorFlow and onnxruntime. On cut-out nodules, where many maxima are those of the black around, 1e-5 lets answers
 * differ by 2e-5; 1e-4 costs no AUC, 3e-4 does.
 */
const ROUNDING = 1e-4;

function columnsOf(rows: Float32Array, width: number, start: number, end: number): Float32Array[] {
  return Array.from({ length: end - start }, (_, feature) =>
    Float32Array.from(
      { length: rows.length / width },
      (_row, row) => rows[row * width + start + feature] ?? 0,
    ),
  );
}

function largestOf(column: Float32Array): number {
  return column.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

interface Column {
  readonly knots: Float32Array;
  /** Deviates at the knots. */
  readonly levels: Float64Array;
  /** Mean and standard deviation of the rows' deviates. */
  readonly mean: number;
  readonly spread: number;
}

function standardised(column: Float32Array, deviates: Float64Array, resolution: number): Column {
  const sorted = column.toSorted();
  const quantiles = (deviates.length + 1) / 2;
  const knots: number[] = [];
  const ranks: { first: number; last: number }[] = [];
  for (let at = 0; at < quantiles; at += 1) {
    const knot = Math.fround(quantile(sorted, at / (quantiles - 1)));
    const tie = ranks.at(-1);
    // One over a distance below 1e-30 might leave fp32.
    if (tie !== undefined && knot - (knots.at(-1) ?? 0) <= Math.max(resolution, 1e-30)) tie.last = at;
    else {
      knots.push(knot);
      ranks.push({ first: at, last: at });
    }
  }
  const points = Float32Array.from(knots);
  const levels = Float64Array.from(ranks, ({ first, last }) => deviates[first + last] ?? 0);
  const values = Float64Array.from(column, (value) => valueAt(points, levels, 0, points.length, value));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { knots: points, levels, mean, spread: points.length === 1 ? 0 : Math.sqrt(variance) };
}

/** Linear between the order statistics, as numpy has it. */
function quantile(sorted: Float32Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? 0;
  return below + ((sorted[Math.ceil(at)] ?? 0) - below) * (at - Math.floor(at));
}

interface Points {
  readonly knots: Float32Array;
  readonly levels: Float64Array;
}

function weighed({ knots, levels, mean, spread }: Column, largest: number, weight: number): Points {
  if (spread === 0) return { knots, levels: levels.map(() => 0) };
  const scale = spread + 0.001 * largest;
  return {
    knots,
    levels: levels.map((level) => weight * Math.min(Math.max((level - mean) / scale, -LIMIT), LIMIT)),
  };
}

/** A value that next to no training image has is not taken for more than this many standard deviations. */
const LIMIT = 6;

function tables(functions: readonly Points[]): Normaliser {
  const width = functions.length;
  const points = functions.reduce((most, { knots }) => Math.max(most, knots.length), 2);
  const table = (column: (points: Points) => ArrayLike<number>): Float32Array => {
    const values = new Float32Array(width * points);
    for (const [feature, each] of functions.entries()) {
      const own = column(each);
      for (let at = 0; at < points; at += 1) {
        values[feature * points + at] = own[Math.min(at, own.length - 1)] ?? 0;
      }
    }
    return values;
  };
  return { width, points, knots: table(({ knots }) => knots), levels: table(({ levels }) => levels) };
}
