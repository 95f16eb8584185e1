/** A cross-validation from a folder of images, by the real network. */
import { join } from 'node:path';
import { auditLeakage } from '../audit/audit.ts';
import { refuseLeaks } from '../audit/refusal.ts';
import type { Dataset } from '../dataset/scan.ts';
import { datasetMd5 } from '../dvc/push.ts';
import { readFactsOf } from '../evaluation/facts.ts';
import { labelDataset } from '../labels/label.ts';
import type { TrainOptions } from '../options.ts';
import { planDataset } from '../plan.ts';
import { FeaturePool } from '../study/feature-pool.ts';
import { networkFits } from '../study/network-fits.ts';
import type { Settings } from '../study/variables.ts';
import { openWorkbench, type FeatureJob } from '../workbench.ts';
import { crossValidate, type Choice, type CrossValidationEvent } from './crossvalidate.ts';
import { outerFolds, type OuterFold, type PartsOptions } from './parts.ts';
import type { CrossValidation } from './summary.ts';

export interface CrossValidateRun
  extends
    PartsOptions,
    Pick<
      TrainOptions,
      'dataDir' | 'labels' | 'cacheDir' | 'baseWeights' | 'positiveLabel' | 'signal' | 'now'
    > {
  /** What candidates and parameters are changes to. */
  readonly settings: Settings;
  readonly choice: Choice;
  /** Of the bootstrap; 2000 unless told. */
  readonly resamples?: number;
  readonly failedTrials?: number;
  /** Gets the journals, by which one that was killed goes on. */
  readonly dir: string;
  readonly onEvent?: (event: CrossValidationRunEvent) => void;
}

export type CrossValidationRunEvent =
  | CrossValidationEvent
  | { readonly type: 'dataset'; readonly images: number; readonly patients: number; readonly folds: number }
  | ({ readonly type: 'features' } & Parameters<NonNullable<FeatureJob['onProgress']>>[0]);

/**
 * @throws TrainerError SPLIT_LEAKS where equal pictures lie in two folds of a repeat; what reading, labelling and
 * training a dataset throws; what `crossValidate` throws
 */
export async function crossValidateFolder(options: CrossValidateRun): Promise<CrossValidation> {
  const {
    dataDir,
    labels: source = { from: 'folders' },
    settings,
    signal,
    now = Date.now,
    onEvent,
  } = options;
  const dataset = await labelDataset(dataDir, source, { signal });
  const plan = planDataset(dataset, { ...settings, ...options });
  const { images, labels } = dataset;
  const outer = outerFolds(images, options);
  const patients = new Set(images.map(({ patient }) => patient)).size;
  onEvent?.({ type: 'dataset', images: images.length, patients, folds: outer.length });
  await refuseLeakyFolds(dataset, outer, options);
  const facts = await readFactsOf(dataDir, images, { signal });
  const bench = await openWorkbench(plan, { ...options, now });
  const pool = new FeaturePool(bench, {
    train: [...images.keys()],
    ...(signal !== undefined && { signal }),
    onProgress: (progress) => onEvent?.({ type: 'features', ...progress }),
  });
  try {
    return await crossValidate({
      ...options,
      images,
      labels,
      positiveLabel: plan.positiveLabel,
      facts,
      about: { images: await datasetMd5(dataset.dir, signal), weights: bench.weights.sha256 },
      fitAndScore: networkFits(pool),
    });
  } finally {
    await pool.close();
  }
}

async function refuseLeakyFolds(
  { dir, images }: Dataset,
  outer: readonly OuterFold[],
  { repeats, cacheDir, signal }: CrossValidateRun,
): Promise<void> {
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const own = outer.filter((one) => one.repeat === repeat);
    const sides = Object.fromEntries(
      own.flatMap(({ fold, test }) => test.map((index) => [images[index]?.file ?? '', `fold ${fold + 1}`])),
    );
    refuseLeaks(await auditLeakage({ dir, images, sides, cacheDir: join(cacheDir, 'prints'), signal }));
  }
}
