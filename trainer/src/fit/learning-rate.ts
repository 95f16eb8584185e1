/** The step size of every step, from the recipe alone. Pure. */
import type { FitRecipe } from '../recipe.ts';

export interface Moment {
  readonly recipe: Pick<FitRecipe, 'learningRate' | 'schedule' | 'warmupEpochs' | 'epochs'>;
  /** Steps done before this one, over all epochs. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Of `plateauHalvings`; other schedules do not look at it. */
  readonly halvings: number;
}

/**
 * Warm-up: the k-th of w steps takes k/w of the highest step size, so that the first is not lost on a step of 0. After
 * it the step size is constant, half a cosine that would reach 0 one step after the last (as Keras' `CosineDecay`), or
 * halved at every plateau.
 */
export function learningRateAt({ recipe, step, stepsPerEpoch, halvings }: Moment): number {
  const { learningRate, schedule } = recipe;
  const warmup = Math.round(recipe.warmupEpochs * stepsPerEpoch);
  if (step < warmup) return (learningRate * (step + 1)) / warmup;
  if (schedule === 'cosine') {
    const part = (step - warmup) / Math.max(1, recipe.epochs * stepsPerEpoch - warmup);
    return (learningRate * (1 + Math.cos(Math.PI * Math.min(1, part)))) / 2;
  }
  return schedule === 'plateau' ? learningRate / 2 ** halvings : learningRate;
}
