/** Options of a short run on real nodules. */
import { join } from 'node:path';
import { recipeParts } from '@hilum/crds';
import { baseWeightsPath } from '@hilum/hack';
import type { TrainOptions } from '../src/options.ts';
import { recipeOf, type Recipe } from '../src/recipe.ts';

/** The defaults of a TrainingRun but for a smaller head and four epochs, with some fields changed. */
export function aRecipe(
  changes: {
    readonly model?: Partial<Recipe['model']>;
    readonly hyperparameters?: Partial<Recipe['hyperparameters']>;
    readonly augmentation?: Partial<Recipe['augmentation']>;
  } = {},
): Recipe {
  const { model, hyperparameters, augmentation } = recipeOf({
    model: recipeParts.model.parse({}),
    hyperparameters: recipeParts.hyperparameters.parse({}),
    augmentation: recipeParts.augmentation.parse({}),
  });
  return {
    model: { ...model, headUnits: 64, ...changes.model },
    hyperparameters: { ...hyperparameters, epochs: 4, ...changes.hyperparameters },
    augmentation: { ...augmentation, ...changes.augmentation },
  };
}

/** @param scratch gets package and features; the features are shared by all runs of it */
export async function aRun(
  scratch: string,
  dataDir: string,
  changes: Partial<TrainOptions> = {},
): Promise<TrainOptions> {
  return {
    dataDir,
    outDir: join(scratch, 'package'),
    cacheDir: join(scratch, 'features'),
    baseWeights: await baseWeightsPath(),
    split: { seed: 7, validationPercent: 20, testPercent: 30 },
    preprocessing: { inputSize: 64, window: { center: -600, width: 1500 } },
    ...aRecipe(),
    ...changes,
  };
}
