import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from './engine.ts';

/**
 * Dropout that can be repeated: the k-th training step of two equal models drops the same units.
 *
 * tfjs' own layer cannot do that: without a seed it draws from Math.random, and with one it draws the same mask at
 * every step.
 */
export function seededDropout(
  tf: Tf,
  { name, rate, seed }: { name: string; rate: number; seed: number },
): tfjs.layers.Layer {
  class SeededDropout extends tf.layers.Layer {
    static readonly className = 'SeededDropout';
    private step = 0;

    override call(inputs: tfjs.Tensor | tfjs.Tensor[], kwargs: { training?: unknown }): tfjs.Tensor {
      const input = Array.isArray(inputs) ? inputs[0] : inputs;
      if (input === undefined) throw new RangeError('dropout has no input');
      if (kwargs.training !== true || rate === 0) return input.clone();
      this.step += 1;
      return tf.dropout(input, rate, undefined, seed + this.step * STRIDE);
    }

    override computeOutputShape(inputShape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape | tfjs.Shape[] {
      return inputShape;
    }
  }
  return new SeededDropout({ name });
}

/** Keeps the steps of one seed apart from those of its neighbours. */
const STRIDE = 1_000_003;
