import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from './engine.ts';

/**
 * The whole classifier for packaging: image `[n, s, s, 3]` → probabilities `[n, classes]`. It holds copies of the
 * weights of both parts, so that each model is disposed on its own; dropout, which does nothing here, is left out.
 */
export function joinModel(tf: Tf, frozen: tfjs.LayersModel, tail: tfjs.LayersModel): tfjs.LayersModel {
  const image = tf.input({ shape: frozen.inputs[0]?.shape.slice(1) ?? [], name: 'image' });
  const copies = new Map<tfjs.layers.Layer, tfjs.layers.Layer>();
  const output = repeat(tail, repeat(frozen, image, copies), copies);
  const model = tf.model({ inputs: image, outputs: output, name: 'hilum_vgg16' });
  for (const [source, copy] of copies) copy.setWeights(source.getWeights());
  return model;
}

/** Builds the model's graph once more behind `input`; each layer's copy is added to `copies`. */
function repeat(
  model: tfjs.LayersModel,
  input: tfjs.SymbolicTensor,
  copies: Map<tfjs.layers.Layer, tfjs.layers.Layer>,
): tfjs.SymbolicTensor {
  const done = new Map<tfjs.layers.Layer, tfjs.SymbolicTensor>();
  const repeated = ({ sourceLayer: layer, inputs }: tfjs.SymbolicTensor): tfjs.SymbolicTensor => {
    if (layer.getClassName() === 'InputLayer') return input;
    const known = done.get(layer);
    if (known !== undefined) return known;
    const sources = inputs.map((source) => repeated(source));
    const result = isKept(layer) ? applied(layer, sources, copies) : (sources[0] ?? input);
    done.set(layer, result);
    return result;
  };
  return model.outputs[0] === undefined ? input : repeated(model.outputs[0]);
}

function applied(
  layer: tfjs.layers.Layer,
  sources: tfjs.SymbolicTensor[],
  copies: Map<tfjs.layers.Layer, tfjs.layers.Layer>,
): tfjs.SymbolicTensor {
  const copy = copyOf(layer);
  copies.set(layer, copy);
  const [only] = sources;
  return copy.apply(only !== undefined && sources.length === 1 ? only : sources) as tfjs.SymbolicTensor;
}

function isKept(layer: tfjs.layers.Layer): boolean {
  return !['SeededDropout', 'Dropout'].includes(layer.getClassName());
}

function copyOf(layer: tfjs.layers.Layer): tfjs.layers.Layer {
  type LayerClass = tfjs.serialization.SerializableConstructor<tfjs.layers.Layer>;
  const made = layer.constructor as LayerClass;
  return made.fromConfig(made, layer.getConfig());
}
