/**
 * Adam and gradient descent with momentum, as Keras has them, with the slots in our hands.
 *
 * tfjs has both, but not these: its Adam adds epsilon after the correction of the bias, Keras before (docs/training.md);
 * its momentum keeps the sum of gradients and Keras that of steps, which differ as soon as the step size changes.
 */
import type { Tf } from '@hilum/model';
import type { FitRecipe } from '../recipe.ts';
import type { Tensor, Variable } from '../tensors.ts';

export interface Optimizer {
  /** What it remembers between steps, in an order of its own: zeros at the start. */
  readonly slots: readonly Variable[];
  /**
   * One step.
   *
   * @param gradients one per variable, in their order
   * @param step from 1, over the whole run
   */
  readonly apply: (gradients: readonly Tensor[], rate: number, step: number) => void;
  readonly dispose: () => void;
}

export function makeOptimizer(
  tf: Tf,
  kind: FitRecipe['optimizer'],
  variables: readonly Variable[],
): Optimizer {
  return kind === 'adam' ? adam(tf, variables) : momentum(tf, variables);
}

const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-7;

/** Kingma and Ba's second form (end of their section 2): m·α / (√v + ε), the correction of the bias all in α. */
function adam(tf: Tf, variables: readonly Variable[]): Optimizer {
  const means = zerosLike(tf, variables);
  const squares = zerosLike(tf, variables);
  const apply: Optimizer['apply'] = (gradients, rate, step) =>
    tf.tidy(() => {
      const alpha = tf.scalar(biasCorrected(rate, step));
      const [rise1, rise2, epsilon] = [tf.scalar(1 - BETA_1), tf.scalar(1 - BETA_2), tf.scalar(EPSILON)];
      for (const [at, gradient] of gradients.entries()) {
        const [variable, mean, square] = [variables[at], means[at], squares[at]];
        if (variable === undefined || mean === undefined || square === undefined) continue;
        mean.assign(tf.add(mean, tf.mul(tf.sub(gradient, mean), rise1)));
        square.assign(tf.add(square, tf.mul(tf.sub(tf.square(gradient), square), rise2)));
        variable.assign(tf.sub(variable, tf.div(tf.mul(mean, alpha), tf.add(tf.sqrt(square), epsilon))));
      }
    });
  return { slots: [...means, ...squares], apply, dispose: () => tf.dispose([...means, ...squares]) };
}

/** In float32 where Keras rounds to it: at the first step 1 − 0.999 is off by 13 parts in a million there. */
function biasCorrected(rate: number, step: number): number {
  const left1 = Math.fround(1 - Math.fround(Math.fround(BETA_1) ** step));
  const left2 = Math.fround(1 - Math.fround(Math.fround(BETA_2) ** step));
  return Math.fround(Math.fround(Math.fround(rate) * Math.fround(Math.sqrt(left2))) / left1);
}

const MOMENTUM = 0.9;

function momentum(tf: Tf, variables: readonly Variable[]): Optimizer {
  const moves = zerosLike(tf, variables);
  const apply: Optimizer['apply'] = (gradients, rate) =>
    tf.tidy(() => {
      const [size, kept] = [tf.scalar(rate), tf.scalar(MOMENTUM)];
      for (const [at, gradient] of gradients.entries()) {
        const [variable, move] = [variables[at], moves[at]];
        if (variable === undefined || move === undefined) continue;
        move.assign(tf.sub(tf.mul(move, kept), tf.mul(gradient, size)));
        variable.assign(tf.add(variable, move));
      }
    });
  return { slots: moves, apply, dispose: () => tf.dispose([...moves]) };
}

function zerosLike(tf: Tf, variables: readonly Variable[]): readonly Variable[] {
  return variables.map((variable) => tf.tidy(() => tf.variable(tf.zerosLike(variable), false)));
}
