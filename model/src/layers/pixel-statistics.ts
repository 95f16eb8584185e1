import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import { PIXEL_STATISTICS, pixelStatistics } from '../pixels/statistics.ts';
import { tensorCanvas, tensorOf } from '../pixels/tensor-field.ts';

type Registrable = tfjs.serialization.SerializableConstructor<tfjs.layers.Layer> &
  (new (args: { readonly name: string }) => tfjs.layers.Layer);

export function pixelStatisticsClass(tf: Tf): Registrable {
  return class PixelStatistics extends tf.layers.Layer {
    static readonly className = 'PixelStatistics';

    override call(inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
      const images = Array.isArray(inputs) ? inputs[0] : inputs;
      if (images === undefined) throw new RangeError('the layer has no input');
      return tf.tidy(() => {
        const statistics = pixelStatistics(tensorCanvas(tf, images as tfjs.Tensor4D));
        return tf.reshape(tf.concat(statistics.map(tensorOf), -1), [-1, statistics.length]);
      });
    }

    override computeOutputShape(inputShape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape | tfjs.Shape[] {
      return [(inputShape as tfjs.Shape)[0] ?? null, PIXEL_STATISTICS.length];
    }
  };
}
