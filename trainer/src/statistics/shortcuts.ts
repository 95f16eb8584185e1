/** What a single number that is no image knows of the label: the least that a model has to beat. Pure given its seed. */
import { aucStatistic, compareAuc, estimateAuc, type AucComparison, type AucEstimate } from './auc.ts';
import type { BootstrapOptions } from './bootstrap.ts';
import {
  checkBinary,
  checkNumbers,
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
  /** Which way it was seen to point on the samples it was fitted on; never turned round on test. */
  readonly positiveWhere: 'higher' | 'lower';
  readonly fitted: { readonly samples: number; readonly auc: number };
  /** Test samples of which the feature is known; both figures below are of these. */
  readonly samples: number;
  /** Below one half where the shortcut points the other way on test. */
  readonly auc: AucEstimate | NotDefined;
  /** AUC of the model less that of the feature. */
  readonly model: AucComparison | NotDefined;
}

/**
 * Each feature of `test` alone as a score, by name, beside the model's.
 *
 * @param fit training or validation: only the direction is learnt there
 * @param test the untouched part, with the model's scores
 * @throws TrainerError NOT_A_NUMBER where a feature that is given, or a score, is not finite
 */
export function shortcutBaselines(
  fit: FeatureSamples,
  test: FeatureSamples,
  options: BootstrapOptions,
): Readonly<Record<string, ShortcutBaseline | NotDefined>> {
  checkBinary(fit.samples);
  checkBinary(test.samples);
  return Object.fromEntries(
    Object.keys(test.features).map((feature) => [feature, baselineOf(feature, fit, test, options)]),
  );
}

function baselineOf(
  feature: string,
  fit: FeatureSamples,
  test: FeatureSamples,
  options: BootstrapOptions,
): ShortcutBaseline | NotDefined {
  const seen = whereKnown(fit, feature);
  const upright = aucStatistic(seen.values, seen.samples.positive)(Int32Array.from(seen.values.keys()));
  if (upright === undefined) {
    const why = lacksClass(seen.samples.positive)?.notDefined ?? 'there is no AUC';
    return { notDefined: `its direction is not known: ${why}` };
  }
  const sign = upright < 0.5 ? -1 : 1;
  const { samples, values } = whereKnown(test, feature);
  const turned = values.map((value) => sign * value);
  return {
    feature,
    positiveWhere: sign > 0 ? 'higher' : 'lower',
    fitted: { samples: seen.values.length, auc: sign > 0 ? upright : 1 - upright },
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
