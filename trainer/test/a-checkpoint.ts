/** A checkpoint of two small tensors, after the first epoch. */
import type { Checkpoint } from '../src/checkpoint/checkpoint.ts';

export function aCheckpoint(changes: Partial<Checkpoint> = {}): Checkpoint {
  return {
    key: 'k',
    epoch: 2,
    step: 3,
    lossSum: 0.1 + 0.2,
    epochs: [
      {
        epoch: 1,
        epochs: 4,
        loss: 1 / 3,
        valLoss: 0.5,
        valAccuracy: 0.75,
        valAucRoc: 0.875,
        learningRate: 1e-3,
        imagesPerSecond: 123,
        endedAtMs: 1_700_000_000_000,
      },
    ],
    weights: [
      { shape: [2, 2], values: Float32Array.of(1, -0, 1e-40, 3.4e38) },
      { shape: [1], values: Float32Array.of(Math.fround(0.1)) },
    ],
    best: [
      { shape: [2, 2], values: Float32Array.of(4, 3, 2, 1) },
      { shape: [1], values: Float32Array.of(5) },
    ],
    slots: [{ shape: [], values: Float32Array.of(7) }],
    ...changes,
  };
}
