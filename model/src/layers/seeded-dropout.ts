import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';

/**
 * Dropout whose mask is a function of seed and step alone, so that a resumed run drops the units that the undisturbed
 * one drops. The step is set by `setTrainingStep`.
 *
 * tfjs' own layer cannot do that: without a seed it draws from Math.random, and with one it draws the same mask at
 * every step.
 */
export function seededDropout(
  tf: Tf,
  { name, rate, seed }: { name: string; rate: number; seed: number },
): tfjs.layers.Layer {
  class SeededDropout extends tf.layers.Layer implements Stepped {
    static readonly className = 'SeededDropout';
    private step = 0;

    setStep(step: number): void {
      this.step = step;
    }

    override call(inputs: tfjs.Tensor | tfjs.Tensor[], kwargs: { training?: unknown }): tfjs.Tensor {
      const input = Array.isArray(inputs) ? inputs[0] : inputs;
      if (input === undefined) throw new RangeError('dropout has no input');
      if (kwargs.training !== true || rate === 0) return input.clone();
      return tf.dropout(input, rate, undefined, seed + this.step * STRIDE);
    }

    override computeOutputShape(inputShape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape | tfjs.Shape[] {
      return inputShape;
    }
  }
  return new SeededDropout({ name });
}

/**
 * Says which training step comes next: its dropout depends on this number, never on the steps before.
 *
 * @param model of `buildTail`
 * @param step whole number from 0
 */
export function setTrainingStep(model: tfjs.LayersModel, step: number): void {
  for (const layer of model.layers) if (isStepped(layer)) layer.setStep(step);
}

interface Stepped {
  setStep(step: number): void;
}

function isStepped(layer: object): layer is Stepped {
  return 'setStep' in layer && typeof layer.setStep === 'function';
}

/** Keeps the steps of one seed apart from those of its neighbours. */
const STRIDE = 1_000_003;
