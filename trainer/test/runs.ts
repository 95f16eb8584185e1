/** Options of a short run on real nodules. */
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import type { TrainOptions } from '../src/options.ts';

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
    model: { trainableFrom: 'head', headUnits: 64, dropout: 0.5 },
    hyperparameters: { epochs: 4, batchSize: 32, learningRate: 0.001, seed: 7 },
    ...changes,
  };
}
