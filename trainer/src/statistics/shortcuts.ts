/** What a single number that is no image knows of the label: the least that a model has to beat. Pure given its seed. */
import type { ShortcutDirection } from '@hilum/model';
import { aucStatistic, compareAuc, estimateAuc, type AucComparison, type AucEstimate } from './auc.ts';
import type { BootstrapOptions } from './bootstrap.ts';
import {
  checkBinary,
  checkNumbers,
  isDefined,
  lacksClass,
  pickRows,
  sameLength,
  type BinarySamples,
  type NotDefined,
} from './samples.ts';

/** One number per sample (file size, mean grey, pixels, diameter); undefined where it is not known. */
type Feature = readonly (number | undefined)[];

export interface FeatureSamples {
  readonly samples: BinarySamples;
  readonly features: Readonly<Record<string, Feature>>;
}

export interface ShortcutBaseline {
  readonly feature: string;
  readonly direction: ShortcutDirection;
  /** Test samples of which the feature is known; both figures below are of these. */
  readonly samples: number;
  /** Below one half where the shortcut points the other way on test. */
  readonly auc: AucEstimate | NotDefined;
  /** AUC of the model less that of the feature. */
  readonly model: AucComparison | NotDefined;
}

/**
 * All that there is to learn of a shortcut, to be called with training or validation samples only.
 *
 * @throws TrainerError NOT_A_NUMBER where a feature that is given, or a score, is not finite
 */
export function shortcutDirections(
  fit: FeatureSamples,
): Readonly<Record<string, ShortcutDirection | NotDefined>> {
  checkBinary(fit.samples);
  return Object.fromEntries(Object.keys(fit.features).map((feature) => [feature, directionOf(feature, fit)]));
}

/**
 * Each feature of `test` alone as a score, by name, beside the model's.
 *
 * @param directions of `shortcutDirections`; a feature that has none is not defined
 * @param test the untouched part, with the model's scores
 * @throws TrainerError NOT_A_NUMBER where a feature that is given, or a score, is not finite
 */
export function shortcutBaselines(
  directions: Readonly<Record<string, ShortcutDirection | NotDefined>>,
  test: FeatureSamples,
  options: BootstrapOptions,
): Readonly<Record<string, ShortcutBaseline | NotDefined>> {
  checkBinary(test.samples);
  return Object.fromEntries(
    Object.keys(test.features).map((feature) => {
      const direction = directions[feature] ?? { notDefined: 'its direction was not learnt' };
      return [feature, isDefined(direction) ? baselineOf(feature, direction, test, options) : direction];
    }),
  );
}

function directionOf(feature: string, fit: FeatureSamples): ShortcutDirection | NotDefined {
  const { samples, values } = whereKnown(fit, feature);
  const upright = aucStatistic(values, samples.positive)(Int32Array.from(values.keys()));
  if (upright === undefined) {
    const why = lacksClass(samples.positive)?.notDefined ?? 'there is no AUC';
    return { notDefined: `its direction is not known: ${why}` };
  }
  return {
    positiveWhere: upright < 0.5 ? 'lower' : 'higher',
    samples: values.length,
    auc: Math.max(upright, 1 - upright),
  };
}

function baselineOf(
  feature: string,
  direction: ShortcutDirection,
  test: FeatureSamples,
  options: BootstrapOptions,
): ShortcutBaseline | NotDefined {
  const sign = direction.positiveWhere === 'lower' ? -1 : 1;
  const { samples, values } = whereKnown(test, feature);
  const turned = values.map((value) => sign * value);
  return {
    feature,
    direction,
    samples: turned.length,
    auc: estimateAuc({ ...samples, scores: turned }, options),
    model: compareAuc(samples, turned, options),
  };
}

/** The rows that have the feature, with its values. */
function whereKnown(
  { samples, features }: FeatureSamples,
  feature: string,
): { readonly samples: BinarySamples; readonly values: readonly number[] } {
  const column = features[feature] ?? samples.scores.map(() => undefined);
  sameLength(samples.scores, column);
  const rows = [...column.keys()].filter((row) => column[row] !== undefined);
  const values = rows.map((row) => column[row] ?? Number.NaN);
  checkNumbers(values);
  return { samples: pickRows(samples, rows), values };
}
