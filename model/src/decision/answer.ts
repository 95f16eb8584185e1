/** What a model says of one image or one series, by what was decided on validation. Pure. */
import type { Probabilities } from './aggregation.ts';
import type { Decision, Level, LevelDecision } from './decision.ts';
import { isDefined, type NotDefined } from './figure.ts';
import { atTemperature, conformalAnswer, wordsOf } from './thresholds.ts';

export interface Answer {
  /** With the highest probability; of equals the first. Calibration keeps the order, so `raw` says the same. */
  readonly label: string;
  /** Calibrated, where there is a temperature; they add up to 1. */
  readonly probabilities: Probabilities;
  /** At or above the operating point; null where there is none. */
  readonly called: boolean | null;
  readonly temperature: number | null;
  readonly operatingPoint: {
    readonly threshold: number;
    /** In words. */
    readonly rule: string;
    readonly sensitivity: number;
    readonly specificity: number;
  } | null;
  /** The labels that are not excluded, in the model's order. */
  readonly conformal: { readonly alpha: number; readonly labels: readonly string[] } | null;
  /** The model has an opinion and does not stand by it. */
  readonly abstains: boolean;
}

/**
 * @param raw probabilities as the network gave them, aggregated to `level` by the decision's own rule: operating point,
 *   temperature and conformal threshold were all fitted on these
 * @param labels in the model's order
 */
export function answerOf(
  raw: Probabilities,
  level: Level,
  labels: readonly string[],
  positiveLabel: string,
  decision?: Decision,
): Answer {
  const learnt = decision?.levels[level];
  const row = labels.map((label) => raw[label] ?? Number.NaN);
  const temperature = temperatureOf(learnt);
  const operatingPoint = known(learnt?.operatingPoint);
  const conformal = known(learnt?.conformal);
  const kept = conformal === undefined ? undefined : conformalAnswer(row, conformal.threshold);
  return {
    label: labels[row.indexOf(Math.max(...row))] ?? '',
    probabilities: byLabel(labels, temperature === null ? row : atTemperature(row, temperature)),
    called: operatingPoint === undefined ? null : (raw[positiveLabel] ?? 0) >= operatingPoint.threshold,
    temperature,
    operatingPoint:
      operatingPoint === undefined
        ? null
        : {
            threshold: operatingPoint.threshold,
            rule: wordsOf(operatingPoint.chosenBy),
            sensitivity: operatingPoint.sensitivity,
            specificity: operatingPoint.specificity,
          },
    conformal:
      conformal === undefined
        ? null
        : { alpha: conformal.alpha, labels: labels.filter((_, index) => kept?.includes(index)) },
    abstains: kept !== undefined && kept.length !== 1,
  };
}

/**
 * By which probabilities of this level are calibrated; null where there is nothing to calibrate by. A temperature at the
 * end of its range is none that was found: validation was too small or too easy, and it would say 1 of everything.
 */
export function temperatureOf(learnt: LevelDecision | undefined): number | null {
  const fitted = known(learnt?.temperature);
  return fitted === undefined || fitted.atLimit ? null : fitted.temperature;
}

function known<T>(figure: T | NotDefined | undefined): T | undefined {
  return figure !== undefined && isDefined(figure) ? figure : undefined;
}

function byLabel(labels: readonly string[], row: readonly number[]): Probabilities {
  return Object.fromEntries(labels.map((label, index) => [label, row[index] ?? Number.NaN]));
}
