/** What is known of an epoch, and what the epochs so far decide. Pure. */
import type { FitRecipe } from '../recipe.ts';

export interface Epoch {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Mean class-weighted cross-entropy of the training batches, as they were met; without the penalty of L2. */
  readonly loss: number;
  /** Mean cross-entropy on the validation part, unweighted. */
  readonly valLoss: number;
  readonly valAccuracy: number;
  readonly valAucRoc: number;
  /** Step size of its last step. */
  readonly learningRate: number;
  /** Training images a second. */
  readonly imagesPerSecond: number;
  /** Milliseconds since 1970: a metric that is sent again after a resume keeps its time, and so is stored once. */
  readonly endedAtMs: number;
}

/** Why training ends: all epochs are done, validation stood still for the whole patience, or the caller asked for it. */
export type Ending = 'epochs' | 'patience' | 'asked';

/** The epoch with the best validation AUC-ROC; of equal ones that with the lower loss, then the first. */
export function bestOf(epochs: readonly Epoch[]): Epoch | undefined {
  return epochs.reduce<Epoch | undefined>(
    (best, epoch) => (best === undefined || isBetter(epoch, best) ? epoch : best),
    undefined,
  );
}

/** The epoch whose weights are kept. */
export function keptOf(
  epochs: readonly Epoch[],
  { keepEpoch }: Pick<FitRecipe, 'keepEpoch'>,
): Epoch | undefined {
  return keepEpoch === 'last' ? epochs.at(-1) : bestOf(epochs);
}

/** @returns undefined while training goes on */
export function endOf(
  epochs: readonly Epoch[],
  recipe: Pick<FitRecipe, 'epochs' | 'patience'>,
): Exclude<Ending, 'asked'> | undefined {
  const last = epochs.at(-1)?.epoch ?? 0;
  if (last >= recipe.epochs) return 'epochs';
  const waited = last - (bestOf(epochs)?.epoch ?? 0);
  return recipe.patience > 0 && waited >= recipe.patience ? 'patience' : undefined;
}

/** Without a patience, epochs of standing still before the step size is halved. */
const DEFAULT_PLATEAU = 3;

/**
 * How often the schedule `plateau` has halved the step size: each time that half the patience (rounded up) has gone by
 * without a better epoch, so that a smaller step is tried before training is given up. The warm-up does not count.
 */
export function plateauHalvings(
  epochs: readonly Epoch[],
  { patience, warmupEpochs }: Pick<FitRecipe, 'patience' | 'warmupEpochs'>,
): number {
  const limit = patience === 0 ? DEFAULT_PLATEAU : Math.ceil(patience / 2);
  let best: Epoch | undefined;
  let waited = 0;
  let halvings = 0;
  for (const epoch of epochs) {
    if (best === undefined || isBetter(epoch, best)) {
      best = epoch;
      waited = 0;
    } else if (epoch.epoch > warmupEpochs) waited += 1;
    if (waited < limit) continue;
    halvings += 1;
    waited = 0;
  }
  return halvings;
}

/** A small validation part is soon ranked without error, and often ranked alike: then the loss decides. */
function isBetter(epoch: Epoch, best: Epoch): boolean {
  if (epoch.valAucRoc !== best.valAucRoc) return epoch.valAucRoc > best.valAucRoc;
  return epoch.valLoss < best.valLoss;
}
