import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import { PackageError } from '../errors.ts';

/** A classifier that also gives what Grad-CAM needs of the same pass. */
export interface TappedModel {
  /** Outputs: probabilities, features `[n, p]`, maps `[n * views, side, side, channels]`. It shares the model's layers. */
  readonly model: tfjs.LayersModel;
  readonly views: 1 | 4;
}

/** @throws PackageError LAYER_UNSUPPORTED where nothing is pooled, as with the tap `pixels` alone */
export function tappedModel(tf: Tf, whole: tfjs.LayersModel): TappedModel {
  const pooled = whole.layers
    .filter((layer) => POOLS.has(layer.getClassName()))
    .flatMap(({ input }) => (Array.isArray(input) ? [] : [input]))
    // Every map is made of the one before: layers stand in this order.
    .toSorted((a, b) => whole.layers.indexOf(b.sourceLayer) - whole.layers.indexOf(a.sourceLayer));
  const entry = ['PiecewiseLinear', 'Dense']
    .map((kind) => whole.layers.find((layer) => layer.getClassName() === kind))
    .find((layer) => layer !== undefined);
  const [maps, features] = [pooled[0], entry?.input];
  if (maps === undefined || features === undefined || Array.isArray(features)) {
    throw new PackageError('LAYER_UNSUPPORTED', 'this network pools no maps that an explanation could be of');
  }
  const model = tf.model({
    inputs: whole.inputs,
    outputs: [...whole.outputs, features, maps],
    name: `${whole.name}_tapped`,
  });
  const hasViews = whole.layers.some((layer) => layer.getClassName() === 'MirroredViews');
  return { model, views: hasViews ? 4 : 1 };
}

const POOLS: ReadonlySet<string> = new Set(['MeanOfMap', 'GlobalAveragePooling2D', 'GlobalMaxPooling2D']);
