import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from './engine.ts';
import { customLayers } from './layers/custom.ts';
import { seededDropout } from './layers/seeded-dropout.ts';
import type { Normaliser } from './normaliser.ts';
import { divide, featureGroups, type Division, type NetworkOptions } from './taps.ts';
import { CONV_LAYERS, type Stage } from './vgg16.ts';
import type { BaseWeights } from './weights/base.ts';

export interface TailOptions extends NetworkOptions {
  /** Number of labels, 2 or more. */
  readonly classes: number;
  /** Width of the hidden layer; 0 is a linear head. */
  readonly headUnits: number;
  /** Share of the hidden units (of the features, where there are none) that is dropped in training, from 0 to below 1. */
  readonly dropout: number;
  /** Whole number from 0; equal seeds make equal models and equal dropout. */
  readonly seed: number;
  /** Of `fitNormaliser`, with cut `head` only: what the features go through first. */
  readonly normaliser?: Normaliser;
}

/**
 * The part of the network that is never trained: `[n, s, s, 3]` (caffe-style BGR, means subtracted) → features.
 * Its output depends on the image alone, so that features can be computed once and kept. It never goes into a
 * gradient: the tape would keep every map of it.
 *
 * - cut `head`: `[n, p]`, the pooled taps one after the other (`featureGroups` has their lengths), averaged over the
 *   views, and the statistics of the image itself. Four views make a batch four times as large inside: divide its size
 *   by them.
 * - cut at a convolution: the map that goes into it, `[n, side, side, channels]`; the image itself for `block1_conv1`
 *
 * @throws RangeError for options that make no network
 */
export function buildFrozen(tf: Tf, weights: BaseWeights, options: NetworkOptions): tfjs.LayersModel {
  const division = divide(options);
  const { inputSize, cut } = options;
  const image = tf.input({ shape: [inputSize, inputSize, 3], name: 'image' });
  const output =
    cut === 'head'
      ? imageFeatures(tf, image, division)
      : lastOf(stack(tf, image, division.before, false), image);
  const model = tf.model({ inputs: image, outputs: output, name: 'frozen' });
  setConvolutions(tf, model, weights);
  return model;
}

/**
 * The part that is trained: features of `buildFrozen` with the same options → softmax `[n, classes]`. Convolutions
 * start from `weights`, the head from seeded Glorot-uniform values, the output from zeros: an untrained tail gives
 * each label the same probability.
 *
 * @throws RangeError for options that make no network, such as a tap that lies before the cut
 */
export function buildTail(tf: Tf, weights: BaseWeights, options: TailOptions): tfjs.LayersModel {
  const division = divide(options);
  const { cut, normaliser } = options;
  if (normaliser !== undefined && cut !== 'head') {
    throw new RangeError(`a normaliser needs features that stay the same: the cut head, not ${cut}`);
  }
  const input = tf.input({ shape: [...featureShape(options)], name: 'features' });
  const features = cut === 'head' ? input : pool(tf, stack(tf, input, division.after, true), division);
  const normalised = normaliser === undefined ? features : normalise(tf, features, normaliser);
  const model = tf.model({
    inputs: input,
    outputs: chain(normalised, headLayers(tf, options)),
    name: 'tail',
  });
  setConvolutions(tf, model, weights);
  if (normaliser !== undefined) setNormaliser(tf, model, normaliser);
  return model;
}

/** Without the batch: what goes from the frozen part into the tail. */
function featureShape(options: NetworkOptions): readonly number[] {
  const convolution = CONV_LAYERS.find((layer) => layer.name === options.cut);
  if (convolution === undefined) return [featureGroups(options).reduce((sum, { length }) => sum + length, 0)];
  const side = Math.floor(options.inputSize / 2 ** (convolution.block - 1)); // each pool drops an odd row
  return [side, side, convolution.inputs];
}

function imageFeatures(tf: Tf, image: tfjs.SymbolicTensor, division: Division): tfjs.SymbolicTensor {
  const pooled = division.taps.length === 0 ? [] : [pooledViews(tf, image, division)];
  const layer = customLayers(tf).pixelStatistics({ name: 'pixels' });
  const pixels = division.pixels ? [chain(image, [layer])] : [];
  return joined(tf, 'with_pixels', [...pooled, ...pixels]);
}

function pooledViews(tf: Tf, image: tfjs.SymbolicTensor, division: Division): tfjs.SymbolicTensor {
  if (division.views === 1) return pool(tf, stack(tf, image, division.before, false), division);
  const custom = customLayers(tf);
  const views = chain(image, [custom.mirroredViews({ name: 'views' })]);
  const pooled = pool(tf, stack(tf, views, division.before, false), division);
  return chain(pooled, [custom.meanOverViews({ name: 'mean_over_views' })]);
}

/** The result of each stage by its name, in order. */
function stack(
  tf: Tf,
  input: tfjs.SymbolicTensor,
  stages: readonly Stage[],
  trainable: boolean,
): ReadonlyMap<string, tfjs.SymbolicTensor> {
  let last = input;
  return new Map(stages.map((stage) => [stage.name, (last = chain(last, [layerOf(tf, stage, trainable)]))]));
}

function layerOf(tf: Tf, { kind, name, channels }: Stage, trainable: boolean): tfjs.layers.Layer {
  if (kind === 'pool') return tf.layers.maxPooling2d({ name, poolSize: 2, strides: 2 });
  return tf.layers.conv2d({
    name,
    trainable,
    filters: channels,
    kernelSize: 3,
    padding: 'same',
    activation: 'relu',
    // Overwritten at once; drawing 14.7 million random numbers in JavaScript takes seconds.
    kernelInitializer: 'zeros',
  });
}

function lastOf(
  results: ReadonlyMap<string, tfjs.SymbolicTensor>,
  input: tfjs.SymbolicTensor,
): tfjs.SymbolicTensor {
  return [...results.values()].at(-1) ?? input;
}

function pool(
  tf: Tf,
  results: ReadonlyMap<string, tfjs.SymbolicTensor>,
  { taps, pooling }: Division,
): tfjs.SymbolicTensor {
  const pooled = taps.flatMap((tap) => {
    const map = results.get(tap);
    if (map === undefined) throw new RangeError(`tap ${tap} has no map`);
    const average = customLayers(tf).meanOfMap({ name: `${tap}_avg` });
    const maximum = (): tfjs.layers.Layer => tf.layers.globalMaxPooling2d({ name: `${tap}_max` });
    return (pooling === 'avg' ? [average] : [average, maximum()]).map((layer) => chain(map, [layer]));
  });
  return joined(tf, 'pooled', pooled);
}

function joined(tf: Tf, name: string, vectors: tfjs.SymbolicTensor[]): tfjs.SymbolicTensor {
  const [first] = vectors;
  if (first !== undefined && vectors.length === 1) return first;
  return tf.layers.concatenate({ name }).apply(vectors) as tfjs.SymbolicTensor;
}

function normalise(tf: Tf, features: tfjs.SymbolicTensor, { points }: Normaliser): tfjs.SymbolicTensor {
  return chain(features, [customLayers(tf).piecewiseLinear({ name: NORMALISER, points })]);
}

const NORMALISER = 'normaliser';

function headLayers(tf: Tf, { classes, headUnits, dropout, seed }: TailOptions): tfjs.layers.Layer[] {
  const hidden = tf.layers.dense({
    name: 'head',
    units: Math.max(1, headUnits),
    activation: 'relu',
    kernelInitializer: tf.initializers.glorotUniform({ seed: derivedSeed(seed, 1) }),
  });
  return [
    ...(headUnits === 0 ? [] : [hidden]),
    seededDropout(tf, { name: 'dropout', rate: dropout, seed: derivedSeed(seed, 2) }),
    // VGG16's features reach hundreds: through random values the first answers would be certain, and wrong.
    tf.layers.dense({ name: LOGITS, units: classes, kernelInitializer: 'zeros' }),
    tf.layers.activation({ name: 'probabilities', activation: 'softmax' }),
  ];
}

/**
 * The tail without its softmax: features → `[n, classes]`, whose softmax are the probabilities. A loss of these has a
 * gradient however certain the network is, where a probability of 0 or 1 has none. It shares the tail's layers and has
 * no weights of its own: dispose the tail, not this.
 */
export function logitsOf(tf: Tf, tail: tfjs.LayersModel): tfjs.LayersModel {
  const known = logits.get(tail);
  if (known !== undefined) return known;
  const model = tf.model({ inputs: tail.inputs, outputs: tail.getLayer(LOGITS).output, name: 'logits' });
  logits.set(tail, model);
  return model;
}

/** Asked for at every step of a training. */
const logits = new WeakMap<tfjs.LayersModel, tfjs.LayersModel>();
const LOGITS = 'logits';

/** Never 0: tfjs takes a seed of 0 for "no seed" and draws a random one. */
function derivedSeed(seed: number, use: 1 | 2): number {
  return seed * 2 + use;
}

function chain(input: tfjs.SymbolicTensor, layers: readonly tfjs.layers.Layer[]): tfjs.SymbolicTensor {
  return layers.reduce((tensor, layer) => layer.apply(tensor) as tfjs.SymbolicTensor, input);
}

/** Puts the base's values into every VGG16 convolution of the model. */
function setConvolutions(tf: Tf, model: tfjs.LayersModel, weights: BaseWeights): void {
  for (const { name, inputs, outputs } of CONV_LAYERS) {
    const layer = model.layers.find((candidate) => candidate.name === name);
    const values = weights.layers.get(name);
    if (layer === undefined || values === undefined) continue;
    tf.tidy(() => {
      layer.setWeights([tf.tensor4d(values.kernel, [3, 3, inputs, outputs]), tf.tensor1d(values.bias)]);
    });
  }
}

function setNormaliser(tf: Tf, model: tfjs.LayersModel, { knots, levels, width, points }: Normaliser): void {
  tf.tidy(() => {
    const tables = [knots, levels].map((values) => tf.tensor2d(values, [width, points]));
    model.getLayer(NORMALISER).setWeights(tables);
  });
}
