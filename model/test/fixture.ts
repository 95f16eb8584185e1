import { baseWeightsPath } from '@hilum/hack';
import { defaultContract } from '@hilum/imaging';
import type * as tfjs from '@tensorflow/tfjs-node';
import { expect } from 'vitest';
import {
  buildFrozen,
  buildTail,
  joinModel,
  readBaseWeights,
  type PackageMetadata,
  type Tf,
} from '../src/index.ts';

export const SIZE = 64;
export const metadata: PackageMetadata = {
  labels: ['benign', 'malignant', 'no'], // Python's YAML takes a bare "no" for false
  positiveLabel: 'malignant',
  contract: defaultContract('hu', SIZE),
  metrics: { 'test/auc_roc': 0.875, 'test/accuracy': 0.8 },
  baseWeightsSha256: 'd9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd',
  createdAt: '2026-11-24T05:40:00.123Z',
  run: { id: '00000000000000000000000000000010' }, // and this for a number
};

/** A VGG16 as it is after training. */
export async function classifierModel(tf: Tf): Promise<tfjs.LayersModel> {
  const weights = await readBaseWeights(await baseWeightsPath());
  const options = { inputSize: SIZE, cut: 'head', classes: 3, headUnits: 32, dropout: 0.5, seed: 3 } as const;
  const [frozen, tail] = [buildFrozen(tf, weights, options), buildTail(tf, weights, options)];
  const joined = joinModel(tf, frozen, tail);
  frozen.dispose();
  tail.dispose();
  // An output that takes sides, and biases without which a lost bias would not show.
  tf.tidy(() => {
    const [kernel] = joined.getLayer('head').getWeights();
    if (kernel !== undefined)
      joined.getLayer('head').setWeights([kernel, tf.randomUniform([32], -1, 1, 'float32', 11)]);
    const output = [tf.randomUniform([32, 3], -0.02, 0.02, 'float32', 12), tf.tensor1d([0.2, -0.1, 0])];
    joined.getLayer('logits').setWeights(output);
  });
  return joined;
}

/** Gives the untrained last layer of a tail such weights that these features get answers which differ, none certain. */
export function takeSides(tf: Tf, tail: tfjs.LayersModel, features: tfjs.Tensor): void {
  const layer = tail.getLayer('logits');
  tf.tidy(() => {
    const before = tf.model({ inputs: tail.inputs, outputs: tail.getLayer('dropout').output });
    const [inputs = 0, classes = 0] = layer.getWeights()[0]?.shape ?? [];
    const kernel = tf.randomUniform([inputs, classes], -1, 1, 'float32', 12);
    const { mean, variance } = tf.moments(tf.matMul(before.predict(features) as tfjs.Tensor2D, kernel), 0);
    const spread = tf.sqrt(variance);
    layer.setWeights([tf.div(kernel, spread), tf.neg(tf.div(mean, spread))]);
  });
}

/** Images of differing contrast with coarse and fine structure, as preprocessed ones have it: `[n, side, side, 3]`. */
export function textures(tf: Tf, n: number, side: number, seed = 42): Float32Array {
  return tf.tidy(() => {
    const coarse = tf.randomUniform([n, 5, 5, 1], -110, 140, 'float32', seed) as tfjs.Tensor4D;
    const fine = tf.randomNormal([n, side, side, 3], 0, 10, 'float32', seed + 1);
    const contrast = tf.randomUniform([n, 1, 1, 1], 0.1, 1, 'float32', seed + 2);
    const images = tf.mul(tf.add(tf.image.resizeBilinear(coarse, [side, side]), fine), contrast);
    return images.dataSync<'float32'>().slice();
  });
}

/** The same ends with next to nothing between them. */
export function smallModel(tf: Tf): tfjs.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [SIZE, SIZE, 3],
        filters: 4,
        kernelSize: 3,
        padding: 'same',
        activation: 'relu',
      }),
      tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
}

/** Values in the range of preprocessed images; each image of another strength. */
export function noise(tf: Tf, images: number): Float32Array {
  const length = images * SIZE * SIZE * 3;
  const values = tf.tidy(() => tf.randomUniform([length], -1, 1, 'float32', 42));
  const floats = values.dataSync<'float32'>();
  values.dispose();
  return floats.map((value, index) => value * (20 + 60 * Math.floor((index / length) * images)));
}

export function largestDifference(got: Float32Array, want: Float32Array): number {
  expect(got.length).toBe(want.length);
  return got.reduce((max, value, index) => Math.max(max, Math.abs(value - (want[index] ?? Number.NaN))), 0);
}
