/** Whether 0.8 happens eight times in ten. Pure. */
import { mostProbable } from './confusion.ts';
import { proportion, type Proportion } from './proportion.ts';
import {
  checkClasses,
  checkNumbers,
  isDefined,
  sameLength,
  type ClassSamples,
  type NotDefined,
} from './samples.ts';

/** Samples of neighbouring probability: one point of a reliability plot. */
interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  /** The mean of what was said. */
  readonly predicted: number;
  /** The part of them where it happened, with Wilson's interval. */
  readonly happened: Proportion;
}

export interface Calibration {
  readonly samples: number;
  readonly bins: readonly ReliabilityBin[];
  /**
   * Expected calibration error: mean distance of said and happened over the bins, weighted by their samples. It is
   * above 0 for the best of models where bins are small, so compare it only at equal bins and samples.
   */
  readonly ece: number;
  /** Mean squared distance of said and happened; 0.25 for saying one half always. */
  readonly brier: number;
  /** `reliability − resolution + uncertainty + within` is the Brier score (Murphy 1973; Stephenson et al. 2008). */
  readonly decomposition: {
    /** Distance from the diagonal; 0 is best. */
    readonly reliability: number;
    /** How far the bins tell high from low; large is best. */
    readonly resolution: number;
    /** Of the outcome itself; no model changes it. */
    readonly uncertainty: number;
    /** What is lost by taking bins for single probabilities. */
    readonly within: number;
  };
}

/**
 * Of a probability and whether it happened.
 *
 * Bins hold equal numbers of samples, for at equal widths nearly all samples of a good model fall into two of them.
 * Equal probabilities are never parted, so that the order of rows has no influence; there may be fewer bins than asked.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function calibrate(
  predicted: readonly number[],
  happened: readonly boolean[],
  bins = 10,
): Calibration | NotDefined {
  checkNumbers(predicted);
  sameLength(predicted, happened);
  const n = predicted.length;
  if (n === 0) return { notDefined: 'there are no samples' };
  const order = [...predicted.keys()].toSorted((a, b) => (predicted[a] ?? 0) - (predicted[b] ?? 0));
  const parts = partsOf(order, predicted, bins).map((rows) => binOf(rows, predicted, happened));
  const rate = happened.filter(Boolean).length / n;
  const meanOver = (of: (bin: ReliabilityBin) => number) =>
    parts.reduce((sum, bin) => sum + bin.happened.of * of(bin), 0) / n;
  const reliability = meanOver((bin) => (bin.predicted - bin.happened.value) ** 2);
  const resolution = meanOver((bin) => (bin.happened.value - rate) ** 2);
  const uncertainty = rate * (1 - rate);
  const brier = predicted.reduce((sum, p, row) => sum + (p - Number(happened[row])) ** 2, 0) / n;
  return {
    samples: n,
    bins: parts,
    ece: meanOver((bin) => Math.abs(bin.predicted - bin.happened.value)),
    brier,
    decomposition: {
      reliability,
      resolution,
      uncertainty,
      within: brier - (reliability - resolution + uncertainty),
    },
  };
}

/**
 * Of the most probable class and whether it is the right one: the calibration that Guo et al. 2017 speak of.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function calibrateMostProbable(samples: ClassSamples, bins = 10): Calibration | NotDefined {
  checkClasses(samples);
  const called = samples.probabilities.map(mostProbable);
  return calibrate(
    samples.probabilities.map((row) => Math.max(...row)),
    called.map((label, row) => label === samples.classes[row]),
    bins,
  );
}

/**
 * Brier's own score (1950): the squared distances of all classes added up, mean over samples; 0 to 2, and for two
 * classes twice the usual one.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function brierOfClasses(samples: ClassSamples): number | NotDefined {
  checkClasses(samples);
  if (samples.classes.length === 0) return { notDefined: 'there are no samples' };
  const total = samples.probabilities.reduce(
    (sum, row, index) =>
      row.reduce((inner, p, label) => inner + (p - Number(label === samples.classes[index])) ** 2, sum),
    0,
  );
  return total / samples.classes.length;
}

/** Cuts at every n/bins-th sample, or at the next one of another probability. */
function partsOf(
  order: readonly number[],
  predicted: readonly number[],
  bins: number,
): readonly (readonly number[])[] {
  const parts: (readonly number[])[] = [];
  let start = 0;
  for (let bin = 1; bin <= bins; bin += 1) {
    let end = Math.round((order.length * bin) / bins);
    if (end <= start) continue;
    while (end < order.length && predicted[order[end] ?? -1] === predicted[order[end - 1] ?? -1]) end += 1;
    parts.push(order.slice(start, end));
    start = end;
  }
  return parts;
}

function binOf(
  rows: readonly number[],
  predicted: readonly number[],
  happened: readonly boolean[],
): ReliabilityBin {
  const said = rows.map((row) => predicted[row] ?? 0);
  const share = proportion(rows.filter((row) => happened[row] === true).length, rows.length);
  if (!isDefined(share)) throw new RangeError('a bin is empty');
  return {
    from: said[0] ?? 0,
    to: said.at(-1) ?? 0,
    predicted: said.reduce((sum, p) => sum + p, 0) / rows.length,
    happened: share,
  };
}
