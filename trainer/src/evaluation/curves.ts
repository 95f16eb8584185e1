/** Curves for plots: as many points as can be seen, whatever the number of samples. Pure. */
import { rocCurve, type RocPoint } from '../metrics.ts';
import type { BootstrapOptions } from '../statistics/bootstrap.ts';
import { precisionRecall } from '../statistics/precision-recall.ts';
import { rocBand } from '../statistics/roc-band.ts';
import { isDefined, type BinarySamples } from '../statistics/samples.ts';
import type { Curves, RocCurvePoint } from './assessment.ts';
import type { LevelSample } from './levels.ts';

const MOST_POINTS = 500;
const BINS = 20;

/** @param others scores of the same rows by name: a shortcut's, turned so that higher is positive, and where known */
export function curvesOf(
  samples: readonly LevelSample[],
  binary: BinarySamples,
  others: { readonly shortcuts: Readonly<Record<string, BinarySamples>>; readonly champion?: BinarySamples },
  labels: readonly string[],
  { seed, level }: BootstrapOptions,
): Curves {
  const precision = precisionRecall(binary);
  const { champion } = others;
  return {
    roc: rocPoints(binary),
    rocBand: rocBand(binary, { seed, ...(level !== undefined && { level }) }).map(({ fpr, low, high }) => ({
      fpr,
      low: short(low),
      high: short(high),
    })),
    precisionRecall: (isDefined(precision) ? thinned(precision.points) : []).map(
      ({ threshold, recall, precision }) => ({
        threshold: short(threshold),
        recall: short(recall),
        precision: short(precision),
      }),
    ),
    shortcuts: Object.fromEntries(
      Object.entries(others.shortcuts).map(([name, scores]) => [name, rocPoints(scores)]),
    ),
    ...(champion !== undefined && { champion: rocPoints(champion) }),
    histogram: histogram(samples, binary.scores, labels),
  };
}

/** Corners only: between two of them the curve is the straight line that a plot draws. */
function rocPoints({ scores, positive }: BinarySamples): readonly RocCurvePoint[] {
  if (new Set(positive).size < 2) return [];
  const all = rocCurve(scores, positive);
  const corners = all.filter((point, at) => {
    const [before, after] = [all[at - 1], all[at + 1]];
    if (before === undefined || after === undefined) return true;
    const flat = before.tpr === point.tpr && point.tpr === after.tpr;
    return !(flat || (before.fpr === point.fpr && point.fpr === after.fpr));
  });
  return thinned(corners).map(shortPoint);
}

function shortPoint({ threshold, fpr, tpr }: RocPoint): RocCurvePoint {
  const point = { fpr: short(fpr), tpr: short(tpr) };
  return Number.isFinite(threshold) ? { threshold: short(threshold), ...point } : point;
}

/** Six digits: a curve is looked at, and half of a report would be digits that nobody sees. */
function short(value: number): number {
  return Number(value.toPrecision(6));
}

/** The first, the last and points evenly between. */
function thinned<Point>(points: readonly Point[]): readonly Point[] {
  if (points.length <= MOST_POINTS) return points;
  const step = (points.length - 1) / (MOST_POINTS - 1);
  return Array.from({ length: MOST_POINTS }, (_, at) => points[Math.round(at * step)]).filter(
    (point) => point !== undefined,
  );
}

function histogram(
  samples: readonly LevelSample[],
  scores: readonly number[],
  labels: readonly string[],
): Curves['histogram'] {
  return Object.fromEntries(
    labels.map((label) => {
      const counts = Array.from({ length: BINS }, () => 0);
      for (const [row, score] of scores.entries()) {
        if (samples[row]?.label !== label) continue;
        const bin = Math.min(BINS - 1, Math.max(0, Math.floor(score * BINS)));
        counts[bin] = (counts[bin] ?? 0) + 1;
      }
      return [label, counts];
    }),
  );
}
