import { baseWeightsPath } from '@hilum/hack';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  buildFrozen,
  buildTail,
  featureGroups,
  joinModel,
  loadEngine,
  readBaseWeights,
  type BaseWeights,
  type Cut,
  type Tf,
} from '../src/index.ts';
import { CONV_LAYERS } from '../src/vgg16.ts';
import { largestDifference, takeSides, textures } from './fixture.ts';

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
const cuts: readonly Cut[] = ['head', ...CONV_LAYERS.map(({ name }) => name)];

describe.each(cuts)('cut at %s', (cut) => {
  const options = { inputSize: 32, cut, taps: ['block5_conv3', 'block5_pool'], pooling: 'avg-max' } as const;

  it('the joined model says what the tail says of the frozen part, and the tail trains what is its own', () => {
    const frozen = kept(buildFrozen(tf, weights, options));
    const tail = kept(buildTail(tf, weights, { ...options, ...head }));
    const images = tf.tensor4d(textures(tf, 3, 32), [3, 32, 32, 3]);
    takeSides(tf, tail, frozen.predict(images) as tfjs.Tensor);
    const joined = kept(joinModel(tf, frozen, tail));
    const answers = floats(joined.predict(images));
    expect(Math.max(...answers) - Math.min(...answers)).toBeGreaterThan(0.1); // or equality is cheap
    expect(largestDifference(answers, floats(tail.predict(frozen.predict(images))))).toBeLessThan(1e-6);
    expect(frozen.trainableWeights).toHaveLength(0);
    expect(trained(tail)).toEqual([
      ...(cut === 'head' ? [] : cuts.slice(cuts.indexOf(cut))),
      'head',
      'logits',
    ]);
  });
});

it('layers behind the deepest tap are not there, whatever the order of the taps', () => {
  const frozen = kept(
    buildFrozen(tf, weights, { inputSize: 32, cut: 'head', taps: ['block2_conv1', 'block1_conv2'] }),
  );
  expect(frozen.layers.map(({ name }) => name)).toContain('block2_conv1');
  expect(frozen.layers.map(({ name }) => name)).not.toContain('block2_conv2');
  expect(frozen.outputs[0]?.shape).toEqual([null, 128 + 64]);
});

it('a tail ends at its deepest tap as well', () => {
  const tail = kept(
    buildTail(tf, weights, {
      inputSize: 32,
      cut: 'block1_conv1',
      taps: ['block1_conv2'],
      ...head,
      headUnits: 0,
    }),
  );
  expect(tail.inputs[0]?.shape).toEqual([null, 32, 32, 3]);
  expect(trained(tail)).toEqual(['block1_conv1', 'block1_conv2', 'logits']);
});

it('a gradient reaches the first trained convolution through averages and maxima of several layers', async () => {
  const options = {
    inputSize: 32,
    cut: 'block2_conv2',
    taps: ['block3_conv3', 'block2_conv2'],
    pooling: 'avg-max',
  } as const;
  const images = tf.tensor4d(textures(tf, 6, 32), [6, 32, 32, 3]);
  const features = kept(buildFrozen(tf, weights, options)).predict(images) as tfjs.Tensor;
  const tail = kept(buildTail(tf, weights, { ...options, ...head, headUnits: 0 }));
  takeSides(tf, tail, features);
  const first = tail.getLayer('block2_conv2');
  const before = floats(first.getWeights()[0]).slice();
  const optimizer = tf.train.sgd(1e-9); // the maxima reach thousands
  tail.compile({ optimizer, loss: 'categoricalCrossentropy' });
  const labels = tf.oneHot([0, 1, 2, 0, 1, 2], 3);
  const losses = [await tail.trainOnBatch(features, labels), await tail.trainOnBatch(features, labels)];
  optimizer.dispose();
  expect(Number(losses[1])).toBeLessThan(Number(losses[0]));
  expect(floats(first.getWeights()[0])).not.toEqual(before);
});

it('a linear head has one layer, before which features are dropped in training', () => {
  const tail = kept(
    buildTail(tf, weights, { inputSize: 32, cut: 'head', ...head, headUnits: 0, dropout: 0.5 }),
  );
  expect(trained(tail)).toEqual(['logits']);
  expect(tail.getLayer('dropout').outputShape).toEqual([null, 512]);
});

it('feature groups are the channels of each tap, for the average and for the maximum', () => {
  expect(featureGroups({ taps: ['block3_conv1', 'block1_conv1'], pooling: 'avg-max' })).toEqual([
    { length: 256, share: 1 / 4, alike: true },
    { length: 256, share: 1 / 4, alike: true },
    { length: 64, share: 1 / 4, alike: true },
    { length: 64, share: 1 / 4, alike: true },
  ]);
  expect(featureGroups({})).toEqual([{ length: 512, share: 1, alike: true }]);
});

describe('four views', () => {
  const options = { inputSize: 33, cut: 'head', taps: ['block2_conv2'], pooling: 'avg-max' } as const;
  const features = (views: 1 | 4, images: Float32Array): Float32Array =>
    floats(
      kept(buildFrozen(tf, weights, { ...options, views })).predict(
        tf.tensor4d(images, [images.length / SIZE, 33, 33, 3]),
      ),
    );
  const SIZE = 33 * 33 * 3;

  it('are the mean of the features of the image and its mirrored ones', () => {
    const images = textures(tf, 2, 33);
    const ours = features(4, images);
    const width = ours.length / 2;
    const want = [0, 1].flatMap((image) => {
      const each = features(1, mirrors(images.slice(image * SIZE, (image + 1) * SIZE), 33));
      return Array.from({ length: width }, (_, feature) => {
        const views = Array.from({ length: 4 }, (_view, view) => each[view * width + feature] ?? 0);
        return views.reduce((sum, value) => sum + value, 0) / 4;
      });
    });
    const largest = Math.max(...want);
    expect(largestDifference(ours, Float32Array.from(want)) / largest).toBeLessThan(1e-6);
    expect(largestDifference(ours, features(1, images)) / largest).toBeGreaterThan(1e-3);
  });

  it('leave no tensor behind', () => {
    const images = textures(tf, 1, 33);
    const frozen = kept(buildFrozen(tf, weights, { ...options, views: 4 }));
    const run = (): void => tf.dispose(tf.tidy(() => frozen.predict(tf.tensor4d(images, [1, 33, 33, 3]))));
    run();
    const before = tf.memory().numTensors;
    run();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('refuses', () => {
  const build = { inputSize: 32, ...head } as const;
  it.each([
    { what: 'an image below 32 pixels', options: { inputSize: 31, cut: 'head' }, says: 'inputSize is 31' },
    { what: 'no tap', options: { cut: 'head', taps: [] }, says: 'at least one' },
    {
      what: 'the same tap twice',
      options: { cut: 'head', taps: ['block1_conv1', 'block1_conv1'] },
      says: 'only once',
    },
    {
      what: 'a tap before the cut',
      options: { cut: 'block3_conv1', taps: ['block5_pool', 'block2_conv2'] },
      says: 'tap block2_conv2 lies before the cut at block3_conv1',
    },
    {
      what: 'views of features that are trained',
      options: { cut: 'block5_conv1', views: 4 },
      says: '4 views',
    },
    {
      what: 'pixels with layers that are trained',
      options: { cut: 'block5_conv1', taps: ['pixels', 'block5_pool'] },
      says: 'pixels needs the cut head',
    },
  ] as const)('$what', ({ options, says }) => {
    for (const builder of [buildFrozen, buildTail]) {
      expect(() => builder(tf, weights, { ...build, ...options })).toThrow(RangeError);
      expect(() => builder(tf, weights, { ...build, ...options })).toThrow(says);
    }
  });
});

/** The four views of one image, by its pixels. */
function mirrors(image: Float32Array, side: number): Float32Array {
  const views = new Float32Array(4 * image.length);
  for (let view = 0; view < 4; view += 1) {
    for (let row = 0; row < side; row += 1) {
      for (let column = 0; column < side; column += 1) {
        const [y, x] = [view < 2 ? row : side - 1 - row, view % 2 === 0 ? column : side - 1 - column];
        const from = (y * side + x) * 3;
        views.set(image.subarray(from, from + 3), view * image.length + (row * side + column) * 3);
      }
    }
  }
  return views;
}

function trained(model: tfjs.LayersModel): string[] {
  return [...new Set(model.trainableWeights.map((weight) => weight.originalName.split('/')[0] ?? ''))];
}

function kept(model: tfjs.LayersModel): tfjs.LayersModel {
  models.push(model);
  return model;
}

function floats(tensor: unknown): Float32Array {
  return (tensor as tfjs.Tensor).dataSync<'float32'>();
}
