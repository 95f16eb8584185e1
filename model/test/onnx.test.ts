import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { defaultContract } from '@hilum/imaging';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildFrozen,
  buildTail,
  featureGroups,
  fitNormaliser,
  joinModel,
  loadClassifier,
  loadEngine,
  readBaseWeights,
  writePackage,
  type BaseWeights,
  type Tf,
} from '../src/index.ts';
import { onnxModel } from '../src/onnx/model.ts';
import { largestDifference, metadata, takeSides, textures } from './fixture.ts';
import { python } from './python.ts';

const shallow = { taps: ['block1_conv2', 'block2_conv2', 'block3_conv3'], pooling: 'avg-max' } as const;

const recipe = {
  taps: ['pixels', 'block1_conv2', 'block2_conv2', 'block3_conv3'],
  pooling: 'avg-max',
} as const;

const NETWORKS = [
  { name: 'default', inputSize: 33, cut: 'head', headUnits: 16 },
  {
    name: 'one_tap_maximum',
    inputSize: 33,
    cut: 'head',
    taps: ['block4_conv2'],
    pooling: 'avg-max',
    headUnits: 0,
  },
  { name: 'shallow', inputSize: 64, cut: 'head', ...shallow, headUnits: 0 },
  { name: 'views', inputSize: 33, cut: 'head', ...shallow, views: 4, headUnits: 0 },
  { name: 'normaliser', inputSize: 33, cut: 'head', ...shallow, quantiles: 101, headUnits: 0 },
  { name: 'pixels', inputSize: 64, cut: 'head', taps: ['pixels'], quantiles: 33, headUnits: 0 },
  { name: 'recipe', inputSize: 33, cut: 'head', ...recipe, views: 4, quantiles: 33, headUnits: 0 },
  {
    name: 'few_quantiles',
    inputSize: 33,
    cut: 'head',
    taps: ['block5_pool'],
    quantiles: 5,
    headUnits: 8,
  },
  { name: 'from_block5', inputSize: 33, cut: 'block5_conv2', headUnits: 16 },
  {
    name: 'from_the_image',
    inputSize: 32,
    cut: 'block1_conv1',
    taps: ['block2_conv1', 'block1_conv2'],
    pooling: 'avg-max',
    headUnits: 0,
  },
] as const;
const IMAGES = 4;

let tf: Tf;
let weights: BaseWeights;
let scratch: string;
const answers = new Map<string, { readonly tfjs: Float32Array; readonly onnx: Float32Array }>();
let operators: Record<string, string[]>;

beforeAll(async () => {
  tf = await loadEngine();
  weights = await readBaseWeights(await baseWeightsPath());
  scratch = await mkdtemp(join(tmpdir(), 'hilum-onnx-'));
  const values = textures(tf, IMAGES, 64);
  const ours = new Map<string, Float32Array>();
  for (const network of NETWORKS) {
    const model = networkOf(network);
    const side = network.inputSize;
    const whole = tf.tensor4d(values, [IMAGES, 64, 64, 3]);
    const images = tf.tidy(() => tf.slice(whole, 0, [IMAGES, side, side, 3]).dataSync<'float32'>().slice());
    whole.dispose();
    ours.set(network.name, predictions(model, images, side));
    await writeFile(fileOf(network.name), onnxModel(tf, model, { doc: 'test', producerVersion: '0' }));
    model.dispose();
  }
  const names = NETWORKS.map(({ name }) => name);
  const input = { shape: [IMAGES, 64, 64, 3], values };
  const { results, text } = await python('run_onnx.py', input, names, names.map(fileOf));
  operators = JSON.parse(text) as Record<string, string[]>;
  for (const [at, name] of names.entries()) {
    answers.set(name, {
      tfjs: ours.get(name) ?? new Float32Array(),
      onnx: results[at] ?? new Float32Array(),
    });
  }
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(NETWORKS)('$name', ({ name }) => {
  it('answers in onnxruntime what it answers in tfjs', () => {
    const { tfjs = new Float32Array(), onnx = new Float32Array() } = answers.get(name) ?? {};
    const first = tfjs.filter((_, at) => at % 3 === 0);
    expect(Math.max(...first) - Math.min(...first)).toBeGreaterThan(0.1); // or equality is cheap
    expect(largestDifference(onnx, tfjs)).toBeLessThan(1e-5);
  });
});

it('uses of ONNX what a network needs, and no more', () => {
  expect(operators['default']).toEqual([
    'Conv',
    'Gemm',
    'MaxPool',
    'ReduceMean',
    'Relu',
    'Softmax',
    'Transpose',
  ]);
  expect(operators['recipe']).toEqual(
    expect.arrayContaining(['Clip', 'GlobalMaxPool', 'Greater', 'ReduceMax', 'ReduceMean', 'Slice']),
  );
});

it('a package with layers that tfjs does not have is loaded again and says the same', async () => {
  const [inputSize, n] = [33, 6];
  const model = networkOf({ inputSize, cut: 'head', ...recipe, views: 4, quantiles: 33, headUnits: 0 });
  const images = textures(tf, n, inputSize);
  const want = predictions(model, images, inputSize);
  const contract = defaultContract('hu', inputSize);
  const info = await writePackage(join(scratch, 'package'), tf, model, { ...metadata, contract });
  model.dispose();
  const before = tf.memory().numTensors;
  const classifier = await loadClassifier(tf, info.dir);
  expect(largestDifference(classifier.predict(images, n), want)).toBeLessThan(1e-6);
  classifier.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

interface Network extends Omit<
  Parameters<typeof buildTail>[2],
  'classes' | 'dropout' | 'seed' | 'normaliser'
> {
  readonly quantiles?: number;
}

/** A classifier as it is after training. */
function networkOf({ quantiles, ...network }: Network): tfjs.LayersModel {
  const frozen = buildFrozen(tf, weights, network);
  const images = textures(tf, 40, network.inputSize, 7);
  const features = predictions(frozen, images, network.inputSize);
  const normaliser =
    quantiles === undefined ? {} : { normaliser: fitNormaliser(features, featureGroups(network), quantiles) };
  const tail = buildTail(tf, weights, { ...network, classes: 3, dropout: 0.5, seed: 3, ...normaliser });
  tf.tidy(() => {
    takeSides(tf, tail, tf.tensor(features, [40, ...(frozen.outputs[0]?.shape.slice(1) ?? [])].map(Number)));
  });
  const joined = joinModel(tf, frozen, tail);
  frozen.dispose();
  tail.dispose();
  return joined;
}

function predictions(model: tfjs.LayersModel, images: Float32Array, side: number): Float32Array {
  const shape: [number, number, number, number] = [images.length / (side * side * 3), side, side, 3];
  const output = tf.tidy(() => model.predict(tf.tensor4d(images, shape), { batchSize: 4 }) as tfjs.Tensor);
  const values = output.dataSync<'float32'>();
  output.dispose();
  return values;
}

function fileOf(name: string): string {
  return join(scratch, `${name}.onnx`);
}
