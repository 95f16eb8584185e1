/** What a trial of a study is worth: the AUC-ROC of its settings on patients that it was not trained on. */
import type { Level } from '@hilum/model';
import { byLabel } from '../evaluation.ts';
import { DEFAULT_AGGREGATION, samplesAt, type Classes } from '../evaluation/levels.ts';
import type { DatasetImage } from '../dataset/scan.ts';
import { TrainerError } from '../errors.ts';
import type { Epoch } from '../fit/epoch.ts';
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
  /** Of a trial of one part. */
  readonly onEpoch?: (trial: number, epoch: Epoch) => Promise<void>;
}

/**
 * The mean over the parts of the AUC-ROC on their validation.
 *
 * The same images choose the epoch and score it, which flatters every trial alike: the value ranks settings and is no
 * estimate of how good they are. A trial of one part reports after each epoch the best AUC-ROC so far, as the fit has
 * it, of images; one of several parts reports the mean of the parts so far.
 */
export function validationObjective(options: ObjectiveOptions): (trial: RunningTrial) => Promise<Outcome> {
  return async ({ number, parameters, signal, report }) => {
    const settings = options.settingsOf(parameters);
    const single = options.parts.length === 1;
    let best = -Infinity;
    const onEpoch = async (epoch: Epoch): Promise<'go' | 'stop'> => {
      await options.onEpoch?.(number, epoch);
      best = Math.max(best, epoch.valAucRoc);
      return report(epoch.epoch, best);
    };
    const found: { readonly auc: number; readonly bestEpoch: number }[] = [];
    for (const { train, validation } of options.parts) {
      const { probabilities, bestEpoch } = await options.fitAndScore({
        settings,
        train,
        validation,
        score: validation,
        signal,
        ...(single && { onEpoch }),
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
