import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import { meanOfMapClass } from './mean-of-map.ts';
import { piecewiseLinearClass } from './piecewise-linear.ts';
import { pixelStatisticsClass } from './pixel-statistics.ts';
import { mirroredViewsClass, meanOverViewsClass } from './views.ts';

/** The layers that tfjs does not have, each as a function that makes one. */
export interface CustomLayers {
  /** `[n, s, s, c]` → `[4n, s, s, c]`: each image and its mirrored ones, one view of all images after the other. */
  mirroredViews(args: { readonly name: string }): tfjs.layers.Layer;
  /** `[4n, p]` → `[n, p]`: the mean over the views of each image. */
  meanOverViews(args: { readonly name: string }): tfjs.layers.Layer;
  /** `[n, p]` → `[n, p]`: each feature through its own function, whose tables `[p, points]` are the layer's weights. */
  piecewiseLinear(args: { readonly name: string; readonly points: number }): tfjs.layers.Layer;
  /** `[n, s, s, c]` → `[n, c]`: the mean of each map. */
  meanOfMap(args: { readonly name: string }): tfjs.layers.Layer;
  /** `[n, s, s, 3]`, with the means subtracted → `[n, 32]`: the `PIXEL_STATISTICS` of each image. */
  pixelStatistics(args: { readonly name: string }): tfjs.layers.Layer;
}

/** Registered with this engine as well, so that a saved model which holds them can be loaded. */
export function customLayers(tf: Tf): CustomLayers {
  const known = made.get(tf);
  if (known !== undefined) return known;
  const [MirroredViews, MeanOverViews] = [mirroredViewsClass(tf), meanOverViewsClass(tf)];
  const MeanOfMap = meanOfMapClass(tf);
  const [PiecewiseLinear, PixelStatistics] = [piecewiseLinearClass(tf), pixelStatisticsClass(tf)];
  for (const layer of [MirroredViews, MeanOverViews, MeanOfMap, PiecewiseLinear, PixelStatistics]) {
    tf.serialization.registerClass(layer);
  }
  const layers: CustomLayers = {
    mirroredViews: (args) => new MirroredViews(args),
    meanOverViews: (args) => new MeanOverViews(args),
    meanOfMap: (args) => new MeanOfMap(args),
    piecewiseLinear: (args) => new PiecewiseLinear(args),
    pixelStatistics: (args) => new PixelStatistics(args),
  };
  made.set(tf, layers);
  return layers;
}

/** The base class of a layer comes with the engine, so there is one set of classes for each. */
const made = new WeakMap<Tf, CustomLayers>();
