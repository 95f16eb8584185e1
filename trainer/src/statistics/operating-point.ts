/** The threshold above which a score is called positive, chosen on one part and judged on another. Pure. */
import type { OperatingPoint, OperatingRule } from '@hilum/model';
import { rocCurve } from '../metrics.ts';
import type { Statistic } from './bootstrap.ts';
import { expit, zOf } from './normal.ts';
import { proportion, type Proportion } from './proportion.ts';
import { checkBinary, isDefined, lacksClass, type BinarySamples, type NotDefined } from './samples.ts';

export interface Rates {
  readonly threshold: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
  readonly sensitivity: Proportion | NotDefined;
  readonly specificity: Proportion | NotDefined;
  readonly accuracy: Proportion | NotDefined;
}

interface PredictiveValue {
  readonly value: number;
  readonly interval: { readonly low: number; readonly high: number; readonly level: number } | NotDefined;
}

export interface PredictiveValues {
  readonly prevalence: number;
  readonly ppv: PredictiveValue | NotDefined;
  readonly npv: PredictiveValue | NotDefined;
}

/**
 * Chooses a threshold; to be called with validation samples, never with those it is judged on.
 *
 * `youden` takes the largest sensitivity + specificity; the others the best of the one rate while the other keeps its
 * target, and of equals the one with more of what the rule names.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function chooseOperatingPoint(
  validation: BinarySamples,
  chosenBy: OperatingRule,
): OperatingPoint | NotDefined {
  checkBinary(validation);
  const lacking = lacksClass(validation.positive);
  if (lacking !== undefined) return lacking;
  const points = pointsOf(validation);
  let best: { readonly at: number; readonly merit: readonly [number, number] } | undefined;
  for (const [at, point] of points.entries()) {
    const merit = meritOf(chosenBy, point);
    if (merit === undefined) continue;
    const better = best === undefined || merit[0] > best.merit[0];
    const equal = best !== undefined && merit[0] === best.merit[0] && merit[1] > best.merit[1];
    if (better || equal) best = { at, merit };
  }
  const chosen = points[best?.at ?? -1];
  if (best === undefined || chosen === undefined) {
    return { notDefined: 'only calling nothing positive reaches the target' };
  }
  const next = points[best.at + 1];
  return {
    threshold: next === undefined ? chosen.threshold : between(chosen.threshold, next.threshold),
    chosenBy,
    sensitivity: chosen.sensitivity,
    specificity: chosen.specificity,
  };
}

/**
 * What a threshold gives on some samples.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function ratesAt(samples: BinarySamples, threshold: number, level = 0.95): Rates {
  checkBinary(samples);
  const count = (called: boolean, positive: boolean) =>
    samples.scores.filter(
      (score, row) => score >= threshold === called && (samples.positive[row] === true) === positive,
    ).length;
  const truePositives = count(true, true);
  const falsePositives = count(true, false);
  const trueNegatives = count(false, false);
  const falseNegatives = count(false, true);
  return {
    threshold,
    truePositives,
    falsePositives,
    trueNegatives,
    falseNegatives,
    sensitivity: proportion(truePositives, truePositives + falseNegatives, level),
    specificity: proportion(trueNegatives, trueNegatives + falsePositives, level),
    accuracy: proportion(truePositives + trueNegatives, samples.scores.length, level),
  };
}

/**
 * A rate at a threshold, for `bootstrapByGroup`: Wilson's interval takes nodules of one exam for independent.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function rateStatistic(
  samples: BinarySamples,
  threshold: number,
  rate: 'sensitivity' | 'specificity' | 'accuracy',
): Statistic {
  checkBinary(samples);
  const counted = samples.positive.map(
    (positive) => rate === 'accuracy' || positive === (rate === 'sensitivity'),
  );
  const right = samples.scores.map((score, row) => score >= threshold === samples.positive[row]);
  return (rows) => {
    let [hits, of] = [0, 0];
    for (const row of rows) {
      if (counted[row] !== true) continue;
      of += 1;
      if (right[row] === true) hits += 1;
    }
    return of === 0 ? undefined : hits / of;
  };
}

/**
 * PPV and NPV where a part `prevalence` of the people has the disease: that of a test set is nobody's clinic.
 *
 * Intervals on the logit scale (Mercaldo, Lau and Zhou 2007), the prevalence taken as known.
 */
export function predictiveValues(
  { sensitivity, specificity }: Pick<Rates, 'sensitivity' | 'specificity'>,
  prevalence: number,
): PredictiveValues {
  if (!(prevalence > 0 && prevalence < 1)) throw new RangeError(`${prevalence} is not a prevalence`);
  if (!isDefined(sensitivity)) return { prevalence, ppv: sensitivity, npv: sensitivity };
  if (!isDefined(specificity)) return { prevalence, ppv: specificity, npv: specificity };
  const odds = prevalence / (1 - prevalence);
  return {
    prevalence,
    ppv: predictive(sensitivity, specificity, odds, 'positive'),
    npv: predictive(specificity, sensitivity, 1 / odds, 'negative'),
  };
}

/** Of the `right` rate's people, `odds` of them to one other; the `other` rate's errors are called the same. */
function predictive(
  right: Proportion,
  other: Proportion,
  odds: number,
  call: 'positive' | 'negative',
): PredictiveValue | NotDefined {
  const error = 1 - other.value;
  if (right.count === 0 && other.count === other.of) return { notDefined: `nothing is called ${call}` };
  const value = (right.value * odds) / (right.value * odds + error);
  if (right.count === 0 || other.count === other.of) {
    return { value, interval: { notDefined: 'a rate of 0 or 1 has no spread on the logit scale' } };
  }
  const logit = Math.log((right.value * odds) / error);
  const variance = (1 - right.value) / right.count + other.value / (error * other.of);
  const spread = zOf(right.level) * Math.sqrt(variance);
  const [low, high] = [expit(logit - spread), expit(logit + spread)];
  return { value, interval: { low, high, level: right.level } };
}

interface Candidate {
  readonly threshold: number;
  readonly sensitivity: number;
  readonly specificity: number;
  /** Youden's J times positives times negatives: whole numbers, so that equals are equal. */
  readonly youden: number;
}

/** By falling threshold. The curve's first point calls nothing positive, which is no use of a classifier. */
function pointsOf({ scores, positive }: BinarySamples): readonly Candidate[] {
  const hits = positive.filter(Boolean).length;
  const misses = positive.length - hits;
  return rocCurve(scores, positive)
    .slice(1)
    .map(({ threshold, tpr, fpr }) => {
      // Back to counts: 1 − 8/10 is a little less than 0.2, which would miss a target of 0.2.
      const found = Math.round(tpr * hits);
      const spared = misses - Math.round(fpr * misses);
      return {
        threshold,
        sensitivity: found / hits,
        specificity: spared / misses,
        youden: found * misses + spared * hits,
      };
    });
}

/** What is to be made large, and then what; undefined where the target is missed. */
function meritOf(
  chosenBy: OperatingRule,
  { sensitivity, specificity, youden }: Candidate,
): readonly [number, number] | undefined {
  if (chosenBy.rule === 'youden') return [youden, specificity];
  const [kept, other] =
    chosenBy.rule === 'sensitivity' ? [sensitivity, specificity] : [specificity, sensitivity];
  return kept >= chosenBy.atLeast ? [other, kept] : undefined;
}

/** Above `low` and at most `high`, whatever is between the two floats. */
function between(high: number, low: number): number {
  const middle = low + (high - low) / 2;
  return middle > low ? middle : high;
}
