import { describe, expect, it } from 'vitest';
import { bestOf, endOf, plateauHalvings, type Epoch } from './epoch.ts';

/** Epochs with these validation AUCs, or AUCs and losses. */
const epochs = (...figures: readonly (number | readonly [auc: number, loss: number])[]): readonly Epoch[] =>
  figures.map((figure, at) => {
    const [valAucRoc, valLoss] = typeof figure === 'number' ? [figure, 1] : figure;
    const others = { epochs: 9, loss: 1, valAccuracy: 1, learningRate: 1, imagesPerSecond: 1, endedAtMs: 0 };
    return Object.assign(others, { epoch: at + 1, valAucRoc, valLoss });
  });

describe('the best epoch', () => {
  it('has the highest validation AUC', () => {
    expect(bestOf(epochs([0.7, 0.1], [0.9, 0.9], [0.8, 0.1]))?.epoch).toBe(2);
  });

  it('is by the loss where AUCs are equal, and then the first', () => {
    expect(bestOf(epochs([0.9, 0.5], [0.9, 0.4], [0.9, 0.4]))?.epoch).toBe(2);
  });

  it('is none before there is an epoch', () => {
    expect(bestOf([])).toBeUndefined();
  });
});

describe('training', () => {
  it.each([
    ['goes on before its first epoch', [], 2, undefined],
    ['goes on while the best is younger than the patience', [0.8, 0.7], 2, undefined],
    ['ends when the patience is over', [0.8, 0.7, 0.8], 2, 'patience'],
    ['goes on when a better one came', [0.8, 0.7, 0.9], 2, undefined],
    ['never ends early without a patience', [0.9, 0.1, 0.1, 0.1, 0.1, 0.1], 0, undefined],
    ['ends with its last epoch', [1, 2, 3, 4, 5, 6, 7, 8, 9], 2, 'epochs'],
  ] as const)('%s', (_, aucs, patience, want) => {
    expect(endOf(epochs(...aucs), { epochs: 9, patience })).toBe(want);
  });
});

describe('a plateau', () => {
  it.each([
    ['of half the patience, rounded up, halves once', [0.8, 0.7, 0.7], 3, 0, 1],
    ['that is shorter halves nothing', [0.8, 0.7], 3, 0, 0],
    ['twice as long halves twice', [0.8, 0.7, 0.7, 0.7, 0.7], 3, 0, 2],
    ['that a better epoch ends begins anew', [0.8, 0.7, 0.9, 0.7], 3, 0, 0],
    ['takes three epochs where there is no patience', [0.8, 0.7, 0.7, 0.7], 0, 0, 1],
    ['does not count the warm-up', [0.8, 0.7, 0.7, 0.7], 3, 3, 0],
  ] as const)('%s', (_, aucs, patience, warmupEpochs, want) => {
    expect(plateauHalvings(epochs(...aucs), { patience, warmupEpochs })).toBe(want);
  });

  it('is none where the AUC stands and the loss falls', () => {
    expect(plateauHalvings(epochs([1, 0.3], [1, 0.2], [1, 0.1]), { patience: 2, warmupEpochs: 0 })).toBe(0);
  });
});
