/** What a trial of a study is worth: the AUC-ROC of its settings on patients that it was not trained on. */
import { byLabel } from '../evaluation.ts';
import { DEFAULT_AGGREGATION, samplesAt, type Classes, type Level } from '../evaluation/levels.ts';
import type { DatasetImage } from '../dataset/scan.ts';
import { TrainerError } from '../errors.ts';
import { aucRoc } from '../metrics.ts';
import type { FitAndScore } from './fit-and-score.ts';
import type { Outcome, RunningTrial } from './study-options.ts';
import type { Settings } from './variables.ts';

export interface Part {
  readonly train: readonly number[];
  readonly validation: readonly number[];
}

export interface ObjectiveOptions extends Classes {
  readonly images: readonly DatasetImage[];
  /** One, or the folds of an inner cross-validation. */
  readonly parts: readonly Part[];
  readonly settingsOf: (parameters: RunningTrial['parameters']) => Settings;
  readonly fitAndScore: FitAndScore;
  /** Of which samples: units (nodules, series) unless told. */
  readonly level?: Level;
}

/**
 * The mean over the parts of the AUC-ROC on their validation.
 *
 * The same images choose the epoch and score it, which flatters every trial alike: the value ranks settings and is no
 * estimate of how good they are. A trial of one part reports its epochs; one of several reports the mean of the parts
 * so far.
 */
export function validationObjective(options: ObjectiveOptions): (trial: RunningTrial) => Promise<Outcome> {
  return async ({ parameters, signal, report }) => {
    const settings = options.settingsOf(parameters);
    const single = options.parts.length === 1;
    const found: { readonly auc: number; readonly bestEpoch: number }[] = [];
    for (const { train, validation } of options.parts) {
      const { probabilities, bestEpoch } = await options.fitAndScore({
        settings,
        train,
        validation,
        score: validation,
        signal,
        ...(single && { onEpoch: report }),
      });
      found.push({ auc: partAuc(options, validation, probabilities), bestEpoch });
      if (!single && report(found.length, mean(found)) === 'stop') break;
    }
    return {
      value: mean(found),
      perPart: found.map(({ auc }) => auc),
      bestEpochs: found.map(({ bestEpoch }) => bestEpoch),
    };
  };
}

/** @throws TrainerError NOT_A_NUMBER where a probability is not finite; TOO_FEW_PATIENTS where one class is absent */
export function partAuc(
  {
    images,
    level = 'unit',
    ...classes
  }: Pick<ObjectiveOptions, 'images' | 'labels' | 'positiveLabel' | 'level'>,
  indices: readonly number[],
  probabilities: readonly (readonly number[])[],
): number {
  const scored = indices.flatMap((index, at) => {
    const image = images[index];
    const row = probabilities[at] ?? [];
    if (!row.every((p) => Number.isFinite(p))) {
      throw new TrainerError('NOT_A_NUMBER', 'the network answers with what is no finite number');
    }
    return image === undefined ? [] : [{ ...image, probabilities: byLabel(classes.labels, row) }];
  });
  const samples = samplesAt(level, scored, DEFAULT_AGGREGATION, classes);
  const auc = aucRoc(
    samples.map((sample) => sample.probabilities[classes.positiveLabel] ?? Number.NaN),
    samples.map((sample) => sample.label === classes.positiveLabel),
  );
  if (Number.isNaN(auc)) {
    throw new TrainerError('TOO_FEW_PATIENTS', 'a validation part has one label only; there is no AUC-ROC');
  }
  return auc;
}

function mean(found: readonly { readonly auc: number }[]): number {
  return found.reduce((sum, { auc }) => sum + auc, 0) / found.length;
}
