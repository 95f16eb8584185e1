import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import { piecewiseLinearClass } from './piecewise-linear.ts';
import { dihedralViewsClass, meanOverViewsClass } from './views.ts';

/** The layers that tfjs does not have, each as a function that makes one. */
export interface CustomLayers {
  /** `[n, s, s, c]` → `[8n, s, s, c]`: each image turned and mirrored, one view of all images after the other. */
  dihedralViews(args: { readonly name: string }): tfjs.layers.Layer;
  /** `[8n, p]` → `[n, p]`: the mean over the views of each image. */
  meanOverViews(args: { readonly name: string }): tfjs.layers.Layer;
  /** `[n, p]` → `[n, p]`: each feature through its own function, whose tables `[p, points]` are the layer's weights. */
  piecewiseLinear(args: { readonly name: string; readonly points: number }): tfjs.layers.Layer;
}

/** Registered with this engine as well, so that a saved model which holds them can be loaded. */
export function customLayers(tf: Tf): CustomLayers {
  const known = made.get(tf);
  if (known !== undefined) return known;
  const [DihedralViews, MeanOverViews] = [dihedralViewsClass(tf), meanOverViewsClass(tf)];
  const PiecewiseLinear = piecewiseLinearClass(tf);
  for (const layer of [DihedralViews, MeanOverViews, PiecewiseLinear]) tf.serialization.registerClass(layer);
  const layers: CustomLayers = {
    dihedralViews: (args) => new DihedralViews(args),
    meanOverViews: (args) => new MeanOverViews(args),
    piecewiseLinear: (args) => new PiecewiseLinear(args),
  };
  made.set(tf, layers);
  return layers;
}

/** The base class of a layer comes with the engine, so there is one set of classes for each. */
const made = new WeakMap<Tf, CustomLayers>();
