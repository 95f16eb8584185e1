import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';

type LayerClass = new (args: { readonly name: string }) => tfjs.layers.Layer;
type Registrable = tfjs.serialization.SerializableConstructor<tfjs.layers.Layer> & LayerClass;

/** An image as it is, upside down, with its sides changed, and both. */
export const VIEWS = 4;

export function mirroredViewsClass(tf: Tf): Registrable {
  return class MirroredViews extends tf.layers.Layer {
    static readonly className = 'MirroredViews';

    override call(inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
      const images = onlyOf(inputs);
      const mirrored = [[1], [2], [1, 2]].map((axes) => tf.reverse(images, axes));
      return tf.concat([images, ...mirrored], 0);
    }

    override computeOutputShape(inputShape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape | tfjs.Shape[] {
      return inputShape;
    }
  };
}

export function meanOverViewsClass(tf: Tf): Registrable {
  return class MeanOverViews extends tf.layers.Layer {
    static readonly className = 'MeanOverViews';

    override call(inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
      const features = onlyOf(inputs);
      const [rows = 0, width = 0] = features.shape;
      return tf.mean(tf.reshape(features, [VIEWS, rows / VIEWS, width]), 0);
    }

    override computeOutputShape(inputShape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape | tfjs.Shape[] {
      return inputShape;
    }
  };
}

function onlyOf(inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
  const input = Array.isArray(inputs) ? inputs[0] : inputs;
  if (input === undefined) throw new RangeError('the layer has no input');
  return input;
}
