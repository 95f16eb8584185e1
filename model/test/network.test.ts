import { baseWeightsPath, imagenetOnnxPath } from '@hilum/hack';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  buildFrozen,
  buildTail,
  featureGroups,
  joinModel,
  loadEngine,
  readBaseWeights,
  setTrainingStep,
  type BaseWeights,
  type Tap,
  type Tf,
} from '../src/index.ts';
import { CONV_LAYERS } from '../src/vgg16.ts';
import { python } from './python.ts';

let tf: Tf;
let weights: BaseWeights;
const models: tfjs.LayersModel[] = [];

beforeAll(async () => {
  tf = await loadEngine();
  weights = await readBaseWeights(await baseWeightsPath());
});

beforeEach(() => tf.engine().startScope());
afterEach(() => {
  for (const model of models.splice(0)) model.dispose();
  tf.engine().endScope();
});

const head = { classes: 3, headUnits: 16, dropout: 0, seed: 7 };

describe('against the ONNX export that Keras made of the same weights', () => {
  // 80 pixels: the last pool drops a row, so that a wrong rounding shows.
  const inputSize = 80;
  let images: Float32Array;
  let block4: Float32Array;
  let pooled: Float32Array;

  beforeAll(async () => {
    images = noise(2 * inputSize * inputSize * 3);
    const input = { shape: [2, inputSize, inputSize, 3], values: images };
    const { results } = await python(
      'base_reference.py',
      input,
      ['block4_pool', 'pooled'],
      [await imagenetOnnxPath()],
    );
    [block4 = new Float32Array(), pooled = new Float32Array()] = results;
  });

  const features = (options: Partial<Parameters<typeof buildFrozen>[2]>, base = weights): Float32Array =>
    floats(
      kept(buildFrozen(tf, base, { inputSize, cut: 'head', ...options })).predict(
        tf.tensor4d(images, [2, inputSize, inputSize, 3]),
      ),
    );
  const all: readonly Tap[] = [...CONV_LAYERS.map(({ name }) => name), 'block5_pool'];

  it('the features for block 5 are its block4_pool', () => {
    expect(relativeError(features({ cut: 'block5_conv1' }), block4)).toBeLessThan(1e-5);
  });

  it('the features for the head are mean and maximum of its maps, each group to its own scale', () => {
    const ours = features({ taps: all, pooling: 'avg-max' });
    const width = pooled.length / 2;
    let start = 0;
    for (const { length } of featureGroups({ taps: all, pooling: 'avg-max' })) {
      for (const row of [0, width]) {
        const part = [row + start, row + start + length];
        expect(relativeError(ours.slice(...part), pooled.slice(...part))).toBeLessThan(1e-5);
      }
      start += length;
    }
    expect(start).toBe(width);
  });

  it('without more said, they are the mean of its block5_pool', () => {
    const width = pooled.length / 2; // a row ends with the mean and the maximum of block5_pool
    const want = Float32Array.from({ length: 1024 }, (_, at) =>
      at < 512 ? (pooled[width - 1024 + at] ?? 0) : (pooled[2 * width - 1024 + at - 512] ?? 0),
    );
    expect(relativeError(features({}), want)).toBeLessThan(1e-5);
  });

  it('one kernel whose rows and columns are swapped shows', () => {
    const layers = new Map(weights.layers);
    const layer = layers.get('block3_conv2');
    if (layer === undefined) throw new Error('no such layer');
    const kernel = tf.tensor4d(layer.kernel, [3, 3, 256, 256]).transpose([1, 0, 2, 3]).dataSync<'float32'>();
    layers.set('block3_conv2', { ...layer, kernel });
    const ours = features({ taps: all, pooling: 'avg-max' }, { ...weights, layers });
    expect(relativeError(ours.slice(-512), pooled.slice(-512))).toBeGreaterThan(1e-2);
  });
});

describe.each(['head', 'block5_conv1'] as const)('cut at %s', (cut) => {
  const options = { inputSize: 64, cut, ...head };
  const frozenModel = (): tfjs.LayersModel => kept(buildFrozen(tf, weights, options));
  const tailModel = (seed = 7, dropout = 0): tfjs.LayersModel =>
    kept(buildTail(tf, weights, { ...options, seed, dropout }));

  it('the frozen part has nothing to train, and the tail has all the rest', () => {
    expect(frozenModel().trainableWeights).toHaveLength(0);
    const names = tailModel().trainableWeights.map((weight) => weight.originalName.split('/')[0]);
    const block5 = ['block5_conv1', 'block5_conv2', 'block5_conv3'];
    expect([...new Set(names)]).toEqual([...(cut === 'head' ? [] : block5), 'head', 'logits']);
  });

  it('the joined model says what tail after frozen says, in training and after', async () => {
    const [frozen, tail] = [frozenModel(), tailModel(7, 0.5)];
    const images = tf.tensor4d(noise(2 * 64 * 64 * 3), [2, 64, 64, 3]);
    const features = frozen.predict(images) as tfjs.Tensor;
    await fit(tail, features, 3);
    const joined = kept(joinModel(tf, frozen, tail));
    expect(joined.layers.map((layer) => layer.getClassName())).not.toContain('SeededDropout');
    expect(relativeError(floats(joined.predict(images)), floats(tail.predict(features)))).toBeLessThan(1e-6);
  });

  it('the joined model outlives its parts', () => {
    const [frozen, tail] = [buildFrozen(tf, weights, options), buildTail(tf, weights, options)];
    const joined = kept(joinModel(tf, frozen, tail));
    const images = tf.tensor4d(noise(64 * 64 * 3), [1, 64, 64, 3]);
    const before = floats(joined.predict(images));
    frozen.dispose();
    tail.dispose();
    expect(floats(joined.predict(images))).toEqual(before);
  });

  it('equal seeds make equal models and equal training, another seed makes another', async () => {
    const features = frozenModel().predict(
      tf.tensor4d(noise(2 * 64 * 64 * 3), [2, 64, 64, 3]),
    ) as tfjs.Tensor;
    const trained = async (seed: number): Promise<Float32Array> => {
      const tail = tailModel(seed, 0.5);
      await fit(tail, features, 3);
      return floats(tail.getLayer('head').getWeights()[0]);
    };
    // 0 too: tfjs itself takes it for "no seed".
    expect(await trained(0)).toEqual(await trained(0));
    expect(await trained(0)).not.toEqual(await trained(1));
  });

  it('an untrained tail takes no side', () => {
    const features = frozenModel().predict(stripes(2)) as tfjs.Tensor;
    expect(floats(tailModel().predict(features)).every((value) => Math.abs(value - 1 / 3) < 1e-6)).toBe(true);
  });

  it('learns a tiny set', async () => {
    const features = frozenModel().predict(stripes(6)) as tfjs.Tensor;
    const tail = kept(buildTail(tf, weights, { ...options, headUnits: 256 }));
    const losses = await fit(tail, features, cut === 'head' ? 40 : 12);
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 4);
  });

  it('building and disposing leaves no tensor', () => {
    const before = tf.memory().numTensors;
    const [frozen, tail] = [buildFrozen(tf, weights, options), buildTail(tf, weights, options)];
    const joined = joinModel(tf, frozen, tail);
    for (const model of [frozen, tail, joined]) model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('dropout', () => {
  it('draws another mask at each step', () => {
    const [first, second] = masks(7, [1, 2]);
    expect(new Set(first)).toEqual(new Set([0, 2]));
    expect(second).not.toEqual(first);
  });

  it('draws the mask of a step whatever the steps before, so that a resumed run draws the same', () => {
    const [, , third] = masks(7, [1, 2, 3]);
    expect(masks(7, [3])[0]).toEqual(third);
    expect(masks(8, [3])[0]).not.toEqual(third);
  });
});

function masks(seed: number, steps: readonly number[]): Float32Array[] {
  const tail = kept(buildTail(tf, weights, { ...head, inputSize: 32, cut: 'head', dropout: 0.5, seed }));
  return steps.map((step) => {
    setTrainingStep(tail, step);
    return floats(tail.getLayer('dropout').apply(tf.ones([4, 16]), { training: true }));
  });
}

/** Trains for some steps on images of labels 0, 1, 2, 0, …; returns the loss of each step. */
async function fit(tail: tfjs.LayersModel, features: tfjs.Tensor, steps: number): Promise<number[]> {
  const images = Array.from({ length: features.shape[0] ?? 0 }, (_, index) => index % 3);
  const labels = tf.oneHot(images, 3);
  const optimizer = tf.train.adam(1e-4);
  tail.compile({ optimizer, loss: 'categoricalCrossentropy' });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    setTrainingStep(tail, step);
    losses.push((await tail.trainOnBatch(features, labels)) as number);
  }
  optimizer.dispose();
  return losses;
}

function kept(model: tfjs.LayersModel): tfjs.LayersModel {
  models.push(model);
  return model;
}

function floats(tensor: unknown): Float32Array {
  return (tensor as tfjs.Tensor).dataSync<'float32'>();
}

/** Repeatable values in the range of preprocessed images. */
function noise(length: number): Float32Array {
  return tf.randomUniform([length], -110, 140, 'float32', 42).dataSync<'float32'>();
}

/** Images of 64 pixels whose label, their number modulo 3, is the direction of their stripes. */
function stripes(images: number): tfjs.Tensor4D {
  return tf.stack(
    Array.from({ length: images }, (_, index) => {
      const rows = tf.range(0, 64).reshape([64, 1, 1]);
      const columns = tf.range(0, 64).reshape([1, 64, 1]);
      const along =
        [rows.add(columns.mul(0)), columns.add(rows.mul(0)), rows.add(columns)][index % 3] ?? rows;
      const wave = along
        .div(3 + Math.floor(index / 3))
        .sin()
        .mul(100);
      return wave.tile([1, 1, 3]);
    }),
  ) as tfjs.Tensor4D;
}

/** The largest difference, as a share of the largest value. */
function relativeError(got: Float32Array, want: Float32Array): number {
  expect(got.length).toBe(want.length);
  const scale = want.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return got.reduce((max, value, index) => Math.max(max, Math.abs(value - (want[index] ?? 0))), 0) / scale;
}
