/** All that the next step depends on: the tail's weights, what the optimiser remembers, and where the run is. */
import type { Tf } from '@hilum/model';
import type { Checkpoint, Values } from '../checkpoint/checkpoint.ts';
import type { FitRecipe } from '../recipe.ts';
import type { LayersModel, Tensor, Variable } from '../tensors.ts';
import { keptOf, type Epoch } from './epoch.ts';
import { makeOptimizer, type Optimizer } from './optimizer.ts';

interface Learning {
  readonly tf: Tf;
  readonly tail: LayersModel;
  readonly recipe: Pick<FitRecipe, 'optimizer' | 'keepEpoch'>;
  readonly l2?: number;
}

export class TrainingState {
  /** What is trained; nothing else is in the tape. */
  readonly variables: readonly Variable[];
  readonly #tf: Tf;
  readonly #l2: number;
  readonly #recipe: Learning['recipe'];
  readonly #kernels: ReadonlySet<Variable>;
  readonly #optimizer: Optimizer;
  #best: readonly Tensor[] = [];
  #epochs: readonly Epoch[] = [];
  #step = 0;
  #lossSum = 0;

  constructor({ tf, tail, recipe, l2 = 0 }: Learning) {
    this.#tf = tf;
    this.#l2 = l2;
    this.#recipe = recipe;
    const weights = tail.trainableWeights.map((weight) => ({
      variable: weight.read() as Variable,
      isKernel: weight.originalName.endsWith('kernel'),
    }));
    this.variables = weights.map(({ variable }) => variable);
    this.#kernels = new Set(weights.filter(({ isKernel }) => isKernel).map(({ variable }) => variable));
    this.#optimizer = makeOptimizer(tf, recipe.optimizer, this.variables);
  }

  /** The one that goes on, from 1. */
  get epoch(): number {
    return this.#epochs.length + 1;
  }

  /** Steps of it that are done. */
  get step(): number {
    return this.#step;
  }

  get lossSum(): number {
    return this.#lossSum;
  }

  /** Those that have ended. */
  get epochs(): readonly Epoch[] {
    return this.#epochs;
  }

  /**
   * The gradient of the penalty, 2·λ·w of every kernel, is added here: it needs no tape.
   *
   * @param step from 1, over all epochs
   */
  descend(gradients: readonly Tensor[], rate: number, step: number): void {
    const tf = this.#tf;
    tf.tidy(() => {
      const decay = tf.scalar(2 * this.#l2);
      const whole = gradients.map((gradient, at) => {
        const variable = this.variables[at];
        const isHeld = this.#l2 > 0 && variable !== undefined && this.#kernels.has(variable);
        return isHeld ? tf.add(gradient, tf.mul(variable, decay)) : gradient;
      });
      this.#optimizer.apply(whole, rate, step);
    });
  }

  endStep(loss: number): void {
    this.#step += 1;
    this.#lossSum += loss;
  }

  endEpoch(epoch: Epoch): void {
    this.#epochs = [...this.#epochs, epoch];
    this.#step = 0;
    this.#lossSum = 0;
    if (keptOf(this.#epochs, this.#recipe) === epoch)
      this.#keepBest(this.variables.map((tensor) => tensor.clone()));
  }

  /** Gives the tail the weights of the epoch that is kept. */
  takeBest(): void {
    for (const [at, tensor] of this.#best.entries()) this.variables[at]?.assign(tensor);
  }

  capture(key: string): Checkpoint {
    return {
      key,
      epoch: this.epoch,
      step: this.#step,
      lossSum: this.#lossSum,
      epochs: this.#epochs,
      weights: this.variables.map(valuesOf),
      best: this.#best.map(valuesOf),
      slots: this.#optimizer.slots.map(valuesOf),
    };
  }

  /** @returns false where the checkpoint is not of this network and optimiser; nothing is changed then */
  restore(checkpoint: Checkpoint): boolean {
    const { variables } = this;
    const { slots } = this.#optimizer;
    const hasBest = checkpoint.epochs.length > 0;
    const fits =
      sameShapes(checkpoint.weights, variables) &&
      sameShapes(checkpoint.slots, slots) &&
      sameShapes(checkpoint.best, hasBest ? variables : []);
    if (!fits) return false;
    const tf = this.#tf;
    tf.tidy(() => {
      for (const [at, variable] of [...variables, ...slots].entries()) {
        const tensor = [...checkpoint.weights, ...checkpoint.slots][at];
        if (tensor !== undefined) variable.assign(tensorOf(tf, tensor));
      }
    });
    this.#keepBest(checkpoint.best.map((tensor) => tensorOf(tf, tensor)));
    this.#epochs = checkpoint.epochs;
    this.#step = checkpoint.step;
    this.#lossSum = checkpoint.lossSum;
    return true;
  }

  dispose(): void {
    this.#keepBest([]);
    this.#optimizer.dispose();
  }

  #keepBest(tensors: readonly Tensor[]): void {
    this.#tf.dispose([...this.#best]);
    this.#best = tensors;
  }
}

function valuesOf(tensor: Tensor): Values {
  return { shape: tensor.shape, values: tensor.dataSync<'float32'>() };
}

function tensorOf(tf: Tf, { shape, values }: Values): Tensor {
  return tf.tensor(values, [...shape]);
}

function sameShapes(
  one: readonly { readonly shape: readonly number[] }[],
  other: readonly Tensor[],
): boolean {
  return (
    one.length === other.length && one.every(({ shape }, at) => shape.join() === other[at]?.shape.join())
  );
}
