/** Settings of a short run: the head alone, at 32 pixels. */
import type { Settings } from '../src/study/variables.ts';

export function someSettings(): Settings {
  return {
    preprocessing: { inputSize: 32, window: { center: -600, width: 1500 } },
    model: {
      trainableFrom: 'head',
      taps: ['block5_pool'],
      pooling: 'avg',
      views: 1,
      normalise: 'none',
      headUnits: 16,
      dropout: 0.2,
      l2: 0,
    },
    hyperparameters: {
      epochs: 4,
      batchSize: 32,
      learningRate: 0.003,
      seed: 7,
      optimizer: 'adam',
      schedule: 'constant',
      warmupEpochs: 0,
      patience: 0,
      keepEpoch: 'best',
      classWeights: 'balanced',
      unitWeights: 'none',
    },
    augmentation: { copies: 0, rotationDegrees: 10, shiftPercent: 5, scalePercent: 5, noise: 0 },
  };
}
