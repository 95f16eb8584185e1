import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from './engine.ts';
import { seededDropout } from './seeded-dropout.ts';
import { BLOCKS, CONV_LAYERS, FEATURES, MIN_INPUT_SIZE, type ConvName } from './vgg16.ts';
import type { BaseWeights } from './weights/base.ts';

/** The first trainable layer: only the new head, or VGG16 from this convolution on. */
export type Cut = 'head' | ConvName;

/** A layer whose map is pooled into the feature vector. */
export type Tap = ConvName | 'block5_pool' | 'pixels';

export interface FrozenOptions {
  /** Side of the square image in pixels, 32 or more. */
  readonly inputSize: number;
  readonly cut: Cut;
  /** Layers whose maps are pooled, in this order; default `block5_pool`. */
  readonly taps?: readonly Tap[];
  /** Global average of each map, or its average and its maximum; default `avg`. */
  readonly pooling?: 'avg' | 'avg-max';
  /** 8: the mean over the eight mirrored and turned views of an image; default 1. */
  readonly views?: 1 | 8;
}

export interface TailOptions extends FrozenOptions {
  /** Number of labels, 2 or more. */
  readonly classes: number;
  readonly headUnits: number;
  /** Share of the head's units that are dropped in training, from 0 to below 1. */
  readonly dropout: number;
  /** Whole number from 0; equal seeds make equal models and equal dropout. */
  readonly seed: number;
}

/**
 * The part of the network that is never trained: `[n, s, s, 3]` (caffe-style BGR, means subtracted) → features.
 * Its output depends on the image alone, so that features can be computed once and kept.
 *
 * - cut `head`: `[n, 512]`, the global average of block5_pool
 * - cut `block5_conv1`: `[n, s/16, s/16, 512]`, block4_pool
 */
export function buildFrozen(tf: Tf, weights: BaseWeights, options: FrozenOptions): tfjs.LayersModel {
  checkInputSize(options.inputSize);
  const input = tf.input({ shape: [options.inputSize, options.inputSize, 3], name: 'image' });
  const last = options.cut === 'head' ? 5 : 4;
  const blocks = BLOCKS.filter((block) => block <= last).flatMap((block) => blockLayers(tf, block, false));
  const layers = options.cut === 'head' ? [...blocks, averagePool(tf)] : blocks;
  const model = tf.model({ inputs: input, outputs: chain(input, layers), name: 'frozen' });
  setConvolutions(tf, model, weights);
  return model;
}

/**
 * The part that is trained: features of `buildFrozen` with the same cut → softmax `[n, classes]`. Block 5 starts from
 * `weights`, the head from seeded Glorot-uniform values, the output from zeros: an untrained tail gives each label the
 * same probability.
 */
export function buildTail(tf: Tf, weights: BaseWeights, options: TailOptions): tfjs.LayersModel {
  checkInputSize(options.inputSize);
  const side = Math.floor(options.inputSize / 16); // each of four pools halves and drops an odd row
  const input = tf.input({
    shape: options.cut === 'head' ? [FEATURES] : [side, side, FEATURES],
    name: 'features',
  });
  const base = options.cut === 'head' ? [] : [...blockLayers(tf, 5, true), averagePool(tf)];
  const layers = [...base, ...headLayers(tf, options)];
  const model = tf.model({ inputs: input, outputs: chain(input, layers), name: 'tail' });
  setConvolutions(tf, model, weights);
  return model;
}

/**
 * The whole classifier for packaging: image `[n, s, s, 3]` → probabilities `[n, classes]`. It holds copies of the
 * weights of both parts, so that each model is disposed on its own; dropout, which does nothing here, is left out.
 */
export function joinModel(tf: Tf, frozen: tfjs.LayersModel, tail: tfjs.LayersModel): tfjs.LayersModel {
  const sources = [...frozen.layers, ...tail.layers].filter((layer) => isKept(layer));
  const shape = frozen.inputs[0]?.shape.slice(1) ?? [];
  const input = tf.input({ shape, name: 'image' });
  const copies = sources.map((layer) => copyOf(layer));
  const model = tf.model({ inputs: input, outputs: chain(input, copies), name: 'hilum_vgg16' });
  for (const [index, copy] of copies.entries()) copy.setWeights(sources[index]?.getWeights() ?? []);
  return model;
}

function blockLayers(tf: Tf, block: number, trainable: boolean): tfjs.layers.Layer[] {
  const convolutions = CONV_LAYERS.filter((layer) => layer.block === block).map(({ name, outputs }) =>
    tf.layers.conv2d({
      name,
      trainable,
      filters: outputs,
      kernelSize: 3,
      padding: 'same',
      activation: 'relu',
      // Overwritten at once; drawing 14.7 million random numbers in JavaScript takes seconds.
      kernelInitializer: 'zeros',
    }),
  );
  return [...convolutions, tf.layers.maxPooling2d({ name: `block${block}_pool`, poolSize: 2, strides: 2 })];
}

function averagePool(tf: Tf): tfjs.layers.Layer {
  return tf.layers.globalAveragePooling2d({ name: 'average_pool' });
}

function headLayers(tf: Tf, { classes, headUnits, dropout, seed }: TailOptions): tfjs.layers.Layer[] {
  return [
    tf.layers.dense({
      name: 'head',
      units: headUnits,
      activation: 'relu',
      kernelInitializer: tf.initializers.glorotUniform({ seed: derivedSeed(seed, 1) }),
    }),
    seededDropout(tf, { name: 'dropout', rate: dropout, seed: derivedSeed(seed, 2) }),
    tf.layers.dense({
      name: 'probabilities',
      units: classes,
      activation: 'softmax',
      // VGG16's features reach hundreds. Through random values the first answers would be certain and wrong, and where
      // tfjs' cross-entropy clips a probability its gradient is 0: such images are never learned.
      kernelInitializer: 'zeros',
    }),
  ];
}

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

function isKept(layer: tfjs.layers.Layer): boolean {
  return !['InputLayer', 'SeededDropout', 'Dropout'].includes(layer.getClassName());
}

function copyOf(layer: tfjs.layers.Layer): tfjs.layers.Layer {
  type LayerClass = tfjs.serialization.SerializableConstructor<tfjs.layers.Layer>;
  const made = layer.constructor as LayerClass;
  return made.fromConfig(made, layer.getConfig());
}

function checkInputSize(inputSize: number): void {
  if (Number.isInteger(inputSize) && inputSize >= MIN_INPUT_SIZE) return;
  throw new RangeError(`inputSize is ${inputSize}; VGG16 needs a whole number from ${MIN_INPUT_SIZE} up`);
}
