/**
 * What the runs, trials and folds on one dataset have in common: the engine, the base weights, the cached features of
 * the frozen layers, and one way to train a network on them.
 */
import { defaultContract } from '@hilum/imaging';
import {
  buildFrozen,
  buildTail,
  featureGroups,
  fitNormaliser,
  loadEngine,
  type BaseWeights,
  type Normaliser,
  type Tf,
} from '@hilum/model';
import type { Dataset } from './dataset/scan.ts';
import { extractFeatures, type FeatureOptions, type Features } from './features/extract.ts';
import { predictRows } from './fit/batch.ts';
import { fit, type FitOptions, type Fitted } from './fit/fit.ts';
import type { Plan } from './plan.ts';
import type { Settings } from './study/variables.ts';
import type { LayersModel } from './tensors.ts';
import { readWeights } from './weights.ts';

export interface Workbench {
  readonly tf: Tf;
  readonly weights: BaseWeights;
  readonly dataset: Dataset;
  /** Class of every image: the index of its label. */
  readonly classes: readonly number[];
  readonly positiveClass: number;
  readonly cacheDir: string;
  readonly now: () => number;
}

/** @throws TrainerError WEIGHTS_MISSING, WEIGHTS_FORMAT, ENGINE_MISSING */
export async function openWorkbench(
  { dataset, classes, positiveLabel }: Pick<Plan, 'dataset' | 'classes' | 'positiveLabel'>,
  options: { readonly baseWeights: string; readonly cacheDir: string; readonly now: () => number },
): Promise<Workbench> {
  const weights = await readWeights(options.baseWeights);
  const tf = await loadEngine();
  const positiveClass = dataset.labels.indexOf(positiveLabel);
  return { ...options, tf, weights, dataset, classes, positiveClass };
}

export interface FeatureJob extends Pick<FeatureOptions, 'signal' | 'onProgress'> {
  readonly settings: Settings;
  /** Indices of the images that get changed copies. */
  readonly train: readonly number[];
}

/** Raised by whoever changes what the frozen layers compute of the same weights, if only in the last digits. */
const FROZEN_VERSION = 2;

/** What the frozen layers of such a network make of every image; the caller closes it. */
export function openFeatures(bench: Workbench, { settings, train, ...hooks }: FeatureJob): Promise<Features> {
  const { tf, weights, dataset, cacheDir, now } = bench;
  const { preprocessing, augmentation, hyperparameters } = settings;
  const { taps, pooling, views } = settings.model;
  return extractFeatures({
    tf,
    dataset,
    contract: defaultContract(dataset.kind, preprocessing.inputSize, preprocessing.window),
    cut: settings.model.trainableFrom,
    frozenDigest: JSON.stringify({ version: FROZEN_VERSION, taps, pooling, views }),
    frozen: () => buildFrozen(tf, weights, networkOf(settings)),
    views,
    weightsSha256: weights.sha256,
    augmentation: { recipe: augmentation, seed: hyperparameters.seed, train },
    cacheDir,
    now,
    ...hooks,
  });
}

export interface FitJob extends Pick<
  FitOptions,
  'train' | 'validation' | 'checkpoint' | 'signal' | 'onEpoch' | 'onResume' | 'onStep' | 'onEvent'
> {
  readonly settings: Settings;
}

/** A network that was trained: its tail has the weights of the best epoch. */
export interface FittedNetwork extends Fitted {
  readonly tail: LayersModel;
  /** Probabilities of the images with these indices, a row each. */
  readonly predict: (indices: readonly number[]) => Promise<readonly (readonly number[])[]>;
  readonly dispose: () => void;
}

/** Makes a tail, with a normaliser learnt from the training part where one is asked for, and trains it. */
export async function fitNetwork(
  bench: Workbench,
  features: Features,
  { settings, ...job }: FitJob,
): Promise<FittedNetwork> {
  const { tf, weights, dataset, classes, positiveClass, now } = bench;
  const { model, hyperparameters: recipe, augmentation } = settings;
  const normaliser = model.normalise === 'none' ? undefined : normaliserOf(features, settings, job.train);
  const tail = buildTail(tf, weights, {
    ...networkOf(settings),
    classes: dataset.labels.length,
    headUnits: model.headUnits,
    dropout: model.dropout,
    seed: recipe.seed,
    ...(normaliser !== undefined && { normaliser }),
  });
  try {
    const fitted = await fit({
      ...job,
      tf,
      tail,
      features,
      classes,
      classCount: dataset.labels.length,
      units: dataset.images.map(({ unit }) => unit),
      positiveClass,
      recipe,
      l2: model.l2,
      copies: augmentation.copies,
      now,
    });
    const predict: FittedNetwork['predict'] = (indices) =>
      predictRows({ tf, tail, features, batchSize: recipe.batchSize, signal: job.signal }, indices);
    return { ...fitted, tail, predict, dispose: () => tail.dispose() };
  } catch (error) {
    tail.dispose();
    throw error;
  }
}

/** The parts of a network's settings that the model room wants to know. */
export function networkOf({ preprocessing, model }: Settings) {
  const { trainableFrom: cut, taps, pooling, views } = model;
  return { inputSize: preprocessing.inputSize, cut, taps, pooling, views };
}

/** Enough for ranks; of more images, evenly spaced ones are taken. */
const MOST_ROWS = 8192;
/** Fewer cost AUC on the nodules of docs/model.md, more gain nothing. */
const QUANTILES = 33;

function normaliserOf(features: Features, settings: Settings, train: readonly number[]): Normaliser {
  const step = Math.max(1, Math.ceil(train.length / MOST_ROWS));
  const chosen = train.filter((_, at) => at % step === 0);
  return fitNormaliser(features.rows(chosen), featureGroups(settings.model), QUANTILES);
}
