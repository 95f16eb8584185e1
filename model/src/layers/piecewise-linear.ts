import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import { normaliseRows } from '../normaliser.ts';

interface PiecewiseLinearArgs {
  readonly name: string;
  readonly points: number;
}

type Registrable = tfjs.serialization.SerializableConstructor<tfjs.layers.Layer> &
  (new (args: PiecewiseLinearArgs) => tfjs.layers.Layer);

/** The layer that holds and applies a `Normaliser`. No gradient goes through it: what lies before it is not trained. */
export function piecewiseLinearClass(tf: Tf): Registrable {
  return class PiecewiseLinear extends tf.layers.Layer {
    static readonly className = 'PiecewiseLinear';
    private readonly points: number;

    constructor(args: PiecewiseLinearArgs) {
      super({ ...args, trainable: false });
      this.points = args.points;
    }

    override build(inputShape: tfjs.Shape | tfjs.Shape[]): void {
      const width = (inputShape as tfjs.Shape).at(-1) ?? 0;
      for (const table of ['knots', 'levels']) {
        this.addWeight(table, [width, this.points], 'float32', tf.initializers.zeros(), undefined, false);
      }
      super.build(inputShape);
    }

    override call(inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
      const input = Array.isArray(inputs) ? inputs[0] : inputs;
      const [knots, levels] = this.getWeights().map((weight) => weight.dataSync<'float32'>());
      if (input === undefined || knots === undefined || levels === undefined) {
        throw new RangeError('the layer has no input or no tables');
      }
      const [rows = 0, width = 0] = input.shape;
      // By search in JavaScript: as tensor operations it is 100 times the work, an [n, p, points] of them.
      const { points } = this;
      const values = normaliseRows({ width, points, knots, levels }, input.dataSync<'float32'>());
      return tf.tensor2d(values, [rows, width]);
    }

    override computeOutputShape(inputShape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape | tfjs.Shape[] {
      return inputShape;
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), points: this.points };
    }
  };
}
