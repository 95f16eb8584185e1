import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';

type LayerClass = new (args: { readonly name: string }) => tfjs.layers.Layer;
type Registrable = tfjs.serialization.SerializableConstructor<tfjs.layers.Layer> & LayerClass;

/** Four turns, mirrored and not. */
export const VIEWS = 8;

export function dihedralViewsClass(tf: Tf): Registrable {
  return class DihedralViews extends tf.layers.Layer {
    static readonly className = 'DihedralViews';

    override call(inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
      const images = onlyOf(inputs);
      const upright = [images, tf.transpose(images, [0, 2, 1, 3])];
      const mirrored = (view: tfjs.Tensor): tfjs.Tensor[] => [
        view,
        tf.reverse(view, [1]),
        tf.reverse(view, [2]),
        tf.reverse(view, [1, 2]),
      ];
      return tf.concat(upright.flatMap(mirrored), 0);
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
