/** Grad-CAM by TensorFlow's own gradients, through the layers of the network itself: what ours is held against. */
import type * as tfjs from '@tensorflow/tfjs-node';
import type { Activations } from '../src/explain/activations.ts';
import type { Tf } from '../src/index.ts';

export interface Reference {
  /** As an engine hands them over. */
  readonly activations: Activations;
  readonly probabilities: Float32Array;
  readonly logits: Float32Array;
  /** d logit / d map, `[views, side, side, channels]`. */
  readonly gradient: Float32Array;
}

/** @param layer whose maps; @param features the layer whose output goes into normaliser or head */
export function reference(
  tf: Tf,
  model: tfjs.LayersModel,
  image: Float32Array,
  { layer, features, label }: { readonly layer: string; readonly features: string; readonly label: number },
): Reference {
  tf.engine().startScope();
  try {
    const side = model.inputs[0]?.shape[1] ?? 0;
    const input = tf.tensor4d(image, [1, side, side, 3]);
    const before = evaluate(tf, model, new Map([['image', input]]), [layer]);
    const maps = wanted(before, layer) as tfjs.Tensor4D;
    const run = (map: tfjs.Tensor) =>
      evaluate(
        tf,
        model,
        new Map([
          ['image', input],
          [layer, map],
        ]),
        ['logits', features, 'probabilities'],
      );
    const results = run(maps);
    const logitOf = (map: tfjs.Tensor): tfjs.Scalar =>
      tf.sum(tf.slice(wanted(run(map), 'logits'), [0, label], [1, 1])) as tfjs.Scalar;
    const gradient = tf.grad(logitOf)(maps);
    const [views, height, , channels] = maps.shape;
    return {
      activations: {
        features: floats(wanted(results, features)),
        maps: floats(tf.transpose(maps, [0, 3, 1, 2])),
        channels,
        side: height,
        views: views === 4 ? 4 : 1,
      },
      probabilities: floats(wanted(results, 'probabilities')),
      logits: floats(wanted(results, 'logits')),
      gradient: floats(gradient),
    };
  } finally {
    tf.engine().endScope();
  }
}

/** The named layers' results, those in `known` taken as they are. */
function evaluate(
  tf: Tf,
  model: tfjs.LayersModel,
  known: ReadonlyMap<string, tfjs.Tensor>,
  names: readonly string[],
): Map<string, tfjs.Tensor> {
  const results = new Map(known);
  const resultOf = ({ sourceLayer: layer, inputs }: tfjs.SymbolicTensor): tfjs.Tensor => {
    const done = results.get(layer.name);
    if (done !== undefined) return done;
    const sources = inputs.map((source) => resultOf(source));
    const [only] = sources;
    if (only === undefined) throw new Error(`${layer.name} has no input`);
    const result = resultFrom(tf, layer, sources.length === 1 ? only : sources);
    results.set(layer.name, result);
    return result;
  };
  for (const name of names) resultOf(model.getLayer(name).output as tfjs.SymbolicTensor);
  return results;
}

/** By the layer itself, but for two whose gradients tfjs has not or has otherwise. */
function resultFrom(tf: Tf, layer: tfjs.layers.Layer, input: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
  if (Array.isArray(input)) return layer.apply(input) as tfjs.Tensor;
  switch (layer.getClassName()) {
    case 'PiecewiseLinear':
      return differentiable(tf, layer, input);
    case 'GlobalMaxPooling2D':
      return maximum(tf, input);
    default:
      return layer.apply(input) as tfjs.Tensor;
  }
}

/** Places that share the maximum share its gradient: tfjs gives each of them the whole, nine times as much of nine zeros. */
function maximum(tf: Tf, map: tfjs.Tensor): tfjs.Tensor {
  const places = tf.cast(tf.equal(map, tf.max(map, [1, 2], true)), 'float32');
  const held = tf.tensor(places.dataSync(), map.shape); // a constant: no gradient goes into the comparison
  return tf.div(tf.sum(tf.mul(map, held), [1, 2]), tf.sum(held, [1, 2]));
}

/**
 * The layer's value, with the slope that explanations take of it: over a twentieth of each function's range to either
 * side. The layer itself searches in JavaScript, where no gradient goes.
 */
function differentiable(tf: Tf, layer: tfjs.layers.Layer, input: tfjs.Tensor): tfjs.Tensor {
  const [knots, levels] = layer.getWeights();
  if (knots === undefined || levels === undefined) throw new Error('no tables');
  const [width = 0, points = 0] = knots.shape;
  const column = (at: number): tfjs.Tensor => tf.slice(knots, [0, at], [width, 1]);
  const reach = tf.mul(tf.sub(column(points - 1), column(0)), 0.05);
  // Constants: the gradient goes through the line below alone.
  const value = tf.tensor(input.dataSync(), [width, 1]);
  const [below, above] = [tf.sub(value, reach), tf.add(value, reach)].map((at) =>
    ramps(tf, knots, levels, at),
  );
  if (below === undefined || above === undefined) throw new Error('no values');
  const slope = tf.where(
    tf.greater(reach, 0),
    tf.div(tf.sub(above, below), tf.mul(reach, 2)),
    tf.zerosLike(reach),
  );
  const [constant, slopes, here] = [ramps(tf, knots, levels, value), slope, value].map((each) =>
    tf.tensor(each.dataSync(), [1, width]),
  );
  if (constant === undefined || slopes === undefined || here === undefined) throw new Error('no values');
  return tf.add(constant, tf.mul(slopes, tf.sub(input, here)));
}

/** Each function at one value, `[width, 1]`, as a sum of ramps, one a segment. */
function ramps(tf: Tf, knots: tfjs.Tensor, levels: tfjs.Tensor, value: tfjs.Tensor): tfjs.Tensor {
  const [width = 0, points = 0] = knots.shape;
  const part = (table: tfjs.Tensor, from: number) => tf.slice(table, [0, from], [width, points - 1]);
  const [left, right] = [part(knots, 0), part(knots, 1)];
  const length = tf.sub(right, left);
  const slope = tf.where(tf.greater(length, 0), tf.div(tf.sub(part(levels, 1), part(levels, 0)), length), 0);
  const each = tf.mul(slope, tf.sub(tf.minimum(tf.maximum(value, left), right), left));
  return tf.add(tf.slice(levels, [0, 0], [width, 1]), tf.sum(each, 1, true));
}

function wanted(results: ReadonlyMap<string, tfjs.Tensor>, name: string): tfjs.Tensor {
  const result = results.get(name);
  if (result === undefined) throw new Error(`no result of ${name}`);
  return result;
}

function floats(tensor: tfjs.Tensor): Float32Array {
  return tensor.dataSync<'float32'>().slice();
}
