/** A training run of a second: a real tail over made-up features of two overlapping classes. */
import { createHash } from 'node:crypto';
import { buildTail, loadEngine, type BaseWeights } from '@hilum/model';
import type { FeatureRows } from '../src/fit/batch.ts';
import type { Epoch } from '../src/fit/epoch.ts';
import { fit, type FitOptions, type Fitted } from '../src/fit/fit.ts';
import { seededRandom } from '../src/random.ts';
import type { FitRecipe } from '../src/recipe.ts';
import type { LayersModel } from '../src/tensors.ts';

/** Average of the 64 maps of block1_conv1. */
const FLOATS = 64;
const IMAGES = 36;

export const RECIPE: FitRecipe = {
  epochs: 4,
  batchSize: 5,
  learningRate: 0.01,
  seed: 7,
  optimizer: 'adam',
  schedule: 'constant',
  warmupEpochs: 0,
  patience: 0,
  keepEpoch: 'best',
  classWeights: 'balanced',
  unitWeights: 'none',
};

/** Every third image is of class 1; the classes overlap. */
export const CLASSES = Array.from({ length: IMAGES }, (_, index) => (index % 3 === 0 ? 1 : 0));
/** 24 images: 5 steps of at most 5. */
export const TRAIN = CLASSES.map((_, index) => index).filter((index) => index % 9 < 6);
export const VALIDATION = CLASSES.map((_, index) => index).filter((index) => index % 9 >= 6);
export const STEPS = Math.ceil(TRAIN.length / RECIPE.batchSize);

/** Image and copy alone decide a row. */
export const FEATURES: FeatureRows = {
  rows: (indices, copy = 0) => {
    const rows = new Float32Array(indices.length * FLOATS);
    for (let at = 0; at < indices.length; at += 1) {
      const index = indices[at] ?? 0;
      const random = seededRandom('features', index, copy);
      for (let float = 0; float < FLOATS; float += 1) {
        rows[at * FLOATS + float] = random() + (float < 8 ? 0.25 * (CLASSES[index] ?? 0) : 0);
      }
    }
    return rows;
  },
};

export async function aTail({ seed = RECIPE.seed, dropout = 0.5 } = {}): Promise<LayersModel> {
  const tf = await loadEngine();
  // The cut leaves no convolution in the tail that would need its values.
  const base: BaseWeights = { sha256: '', layers: new Map() };
  const network = { inputSize: 32, cut: 'head', taps: ['block1_conv1'], pooling: 'avg', views: 1 } as const;
  return buildTail(tf, base, { ...network, classes: 2, headUnits: 8, dropout, seed });
}

export interface Ran {
  readonly fitted: Fitted;
  /** Sha256 of the weights that were kept. */
  readonly weights: string;
}

/** Trains a new tail. */
export async function fitSmall(changes: Partial<FitOptions> = {}): Promise<Ran> {
  const tail = await aTail({ seed: changes.recipe?.seed });
  try {
    const fitted = await fit(await smallFit(tail, changes));
    return { fitted, weights: digestOf(tail) };
  } finally {
    tail.dispose();
  }
}

export async function smallFit(tail: LayersModel, changes: Partial<FitOptions> = {}): Promise<FitOptions> {
  return {
    tf: await loadEngine(),
    tail,
    features: FEATURES,
    classes: CLASSES,
    classCount: 2,
    positiveClass: 1,
    train: TRAIN,
    validation: VALIDATION,
    recipe: RECIPE,
    now: () => 0,
    ...changes,
  };
}

export function digestOf(tail: LayersModel): string {
  const hash = createHash('sha256');
  for (const weight of tail.getWeights()) hash.update(new Uint8Array(weight.dataSync().buffer));
  return hash.digest('hex');
}

/** Epochs without what depends on the clock. */
export function curveOf(epochs: readonly Epoch[]): readonly Epoch[] {
  return epochs.map((epoch) => ({ ...epoch, imagesPerSecond: 0, endedAtMs: 0 }));
}
