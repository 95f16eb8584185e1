import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';

type Registrable = tfjs.serialization.SerializableConstructor<tfjs.layers.Layer> &
  (new (args: { readonly name: string }) => tfjs.layers.Layer);

/**
 * The mean of each channel of a map, row by row. Engines add the thousands of values of a whole map one after the other:
 * on a nodule on black, where most are alike, the sum is rounded by 4e-5 of it, another in each engine. Rows first: 1e-6.
 */
export function meanOfMapClass(tf: Tf): Registrable {
  return class MeanOfMap extends tf.layers.Layer {
    static readonly className = 'MeanOfMap';

    override call(inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
      const map = Array.isArray(inputs) ? inputs[0] : inputs;
      if (map === undefined) throw new RangeError('the layer has no input');
      return tf.mean(tf.mean(map, 2), 1);
    }

    override computeOutputShape(inputShape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape | tfjs.Shape[] {
      const shape = inputShape as tfjs.Shape;
      return [shape[0] ?? null, shape.at(-1) ?? null];
    }
  };
}
