/** A search for the settings of a run, by the patients that the run trains on and chooses by; never by its test part. */
import { createHash } from 'node:crypto';
import type { Parameters } from '@hilum/search';
import { foldsByPatient } from '../dataset/folds.ts';
import { datasetMd5 } from '../dvc/push.ts';
import { TrainerError } from '../errors.ts';
import type { FeatureOptions } from '../features/extract.ts';
import type { Plan } from '../plan.ts';
import type { Workbench } from '../workbench.ts';
import { FeaturePool } from './feature-pool.ts';
import { networkFits } from './network-fits.ts';
import { validationObjective, type Part } from './objective.ts';
import type { FoundSettings, SearchOptions, TrialLog } from './search-options.ts';
import type { StudyEvent } from './study-options.ts';
import { runStudy } from './study.ts';
import { applyParameters, contradiction, type Settings } from './variables.ts';

export interface SearchHooks {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: StudyEvent) => void) | undefined;
  readonly onFeatures?: FeatureOptions['onProgress'];
  readonly trialLog?: TrialLog | undefined;
}

/**
 * @param settings what the parameters of the space are changes to
 * @throws TrainerError STUDY_FAILED, BAD_CONFIG where the settings contradict each other whatever is varied, JOURNAL_*,
 * and what training throws; SearchError; the reason of the signal
 */
export async function searchSettings(
  bench: Workbench,
  plan: Pick<Plan, 'dataset' | 'parts' | 'splitSha256' | 'positiveLabel'>,
  settings: Settings,
  search: SearchOptions,
  { signal, onEvent, onFeatures, trialLog }: SearchHooks = {},
): Promise<FoundSettings> {
  const { folds = 0, journal, ...study } = search;
  const { dataset, positiveLabel, splitSha256 } = plan;
  const { labels, images } = dataset;
  const known = [...plan.parts.train, ...plan.parts.validation].toSorted((a, b) => a - b);
  const pool = new FeaturePool(bench, {
    train: folds > 1 ? known : plan.parts.train,
    ...(signal !== undefined && { signal }),
    ...(onFeatures !== undefined && { onProgress: onFeatures }),
  });
  const settingsOf = (parameters: Parameters): Settings => applyParameters(settings, parameters);
  const measure = validationObjective({
    images,
    labels,
    positiveLabel,
    parts: folds > 1 ? foldsOf(plan, known, { folds, seed: search.seed }) : [plan.parts],
    settingsOf,
    fitAndScore: networkFits(pool),
    ...(trialLog !== undefined && { onEpoch: trialLog.epoch }),
  });
  try {
    const { trials, best } = await runStudy({
      ...study,
      journal,
      direction: 'maximize',
      about: {
        settings,
        folds,
        positiveLabel,
        split: splitSha256,
        labels: labelsDigest(plan),
        images: await datasetMd5(dataset.dir, signal),
        weights: bench.weights.sha256,
      },
      feasible: (parameters) => contradiction(settingsOf(parameters)) === undefined,
      objective: async (trial) => {
        await trialLog?.started(trial);
        return measure(trial);
      },
      ...(signal !== undefined && { signal }),
      ...(onEvent !== undefined && { onEvent }),
      ...(trialLog !== undefined && { onTrialEnd: trialLog.ended }),
    });
    if (best === undefined) throw new TrainerError('STUDY_FAILED', 'no trial of the search succeeded');
    return { trials, best, settings: settingsOf(best.parameters) };
  } finally {
    await pool.close();
  }
}

/** @returns the folds of some images, each as the validation of the rest */
function foldsOf(
  { dataset: { images } }: Pick<Plan, 'dataset'>,
  known: readonly number[],
  options: { readonly folds: number; readonly seed: number },
): readonly Part[] {
  const [dealt = []] = foldsByPatient(
    known.flatMap((index) => images[index] ?? []),
    options,
  );
  return dealt.map((patients) => {
    const isIn = (index: number): boolean => patients.includes(images[index]?.patient ?? '');
    return { train: known.filter((index) => !isIn(index)), validation: known.filter(isIn) };
  });
}

function labelsDigest({ dataset }: Pick<Plan, 'dataset'>): string {
  const hash = createHash('sha256');
  for (const { file, label, unit } of dataset.images) hash.update(JSON.stringify([file, label, unit]));
  return hash.digest('hex');
}
