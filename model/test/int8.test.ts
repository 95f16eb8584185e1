import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildFrozen,
  buildTail,
  featureGroups,
  fitNormaliser,
  int8Model,
  joinModel,
  loadEngine,
  loadOnnx,
  readBaseWeights,
  type BaseWeights,
  type Tf,
} from '../src/index.ts';
import { onnxFile } from '../src/onnx/graph.ts';
import { onnxGraph, onnxModel } from '../src/onnx/model.ts';
import { fitCorrection } from '../src/onnx/quantise-correction.ts';
import { quantiseGraph, type Ranges } from '../src/onnx/quantise-graph.ts';
import { calibrate } from '../src/onnx/quantise-ranges.ts';
import { largestDifference, takeSides, textures } from './fixture.ts';
import { python } from './python.ts';

const SIDE = 33;
const shallow = { cut: 'head', taps: ['block1_conv2', 'block2_conv2'], pooling: 'avg-max' } as const;

const NETWORKS = [
  { name: 'head', options: { cut: 'head' }, convolutions: 13 },
  { name: 'shallow', options: shallow, convolutions: 4 },
  { name: 'normalised', options: shallow, convolutions: 4, quantiles: 33 },
  { name: 'views', options: { ...shallow, views: 4 }, convolutions: 4 },
  {
    name: 'with_pixels',
    options: { ...shallow, taps: ['pixels', 'block2_conv1'] },
    convolutions: 3,
  },
  {
    name: 'trained_from_the_image',
    options: { ...shallow, cut: 'block1_conv1' },
    convolutions: 4,
  },
] as const;
/** Of a probability; a random head makes answers all over from 0 to 1 of what differs between textures. */
const TOLERANCE = 0.1;
const LABELS = { doc: 'test', producerVersion: '0' };
const IMAGES = 8;
let tf: Tf;
let weights: BaseWeights;
let scratch: string;
let images: Float32Array;
let calibration: Float32Array;
const models = new Map<string, tfjs.LayersModel>();
const answers = new Map<string, Record<'fp32' | 'int8' | 'python', Float32Array>>();
const sizes = new Map<string, Record<'fp32' | 'int8', number>>();
let operators: Record<string, Record<string, number>>;

beforeAll(async () => {
  tf = await loadEngine();
  weights = await readBaseWeights(await baseWeightsPath());
  scratch = await mkdtemp(join(tmpdir(), 'hilum-int8-'));
  [images, calibration] = [textures(tf, IMAGES, SIDE, 5), textures(tf, 20, SIDE, 7)];
  const names = NETWORKS.map(({ name }) => name);
  for (const { name, options, ...normaliser } of NETWORKS) {
    const model = networkOf(options, 'quantiles' in normaliser ? normaliser.quantiles : undefined);
    models.set(name, model);
    const bytes = (await int8Model(tf, model, calibration)) ?? new Uint8Array();
    await writeFile(fileOf(name), bytes);
    const whole = onnxModel(tf, model, LABELS);
    sizes.set(name, { fp32: whole.byteLength, int8: bytes.byteLength });
    answers.set(name, {
      fp32: await answersOf(whole),
      int8: await answersOf(bytes),
      python: new Float32Array(),
    });
  }
  const input = { shape: [IMAGES, SIDE, SIDE, 3], values: images };
  const { results, text } = await python('int8_graph.py', input, names, names.map(fileOf));
  operators = JSON.parse(text) as typeof operators;
  for (const [at, name] of names.entries()) Object.assign(answersFor(name), { python: results[at] });
});

afterAll(async () => {
  for (const model of models.values()) model.dispose();
  await rm(scratch, { recursive: true, force: true });
});

describe.each(NETWORKS)('the int8 file of $name', ({ name, convolutions }) => {
  it('answers nearly what the float32 file answers, and not the same', () => {
    const { fp32, int8 } = answersFor(name);
    expect(Math.max(...fp32) - Math.min(...fp32)).toBeGreaterThan(0.3); // or nearness is cheap
    expect(largestDifference(int8, fp32)).toBeLessThan(TOLERANCE);
    expect(largestDifference(int8, fp32)).toBeGreaterThan(1e-6);
  });

  it('is a form that onnxruntime computes with whole numbers throughout', () => {
    const { QLinearConv, QuantizeLinear } = operators[name] ?? {};
    expect({ QLinearConv, QuantizeLinear }).toEqual({ QLinearConv: convolutions, QuantizeLinear: 1 });
  });

  it('answers in Python what it answers here', () => {
    const { python: there, int8 } = answersFor(name);
    expect(largestDifference(there, int8)).toBeLessThan(1e-4);
  });

  it('is little more than a quarter of the float32 file', () => {
    const { fp32, int8 } = sizes.get(name) ?? { fp32: 0, int8: 0 };
    expect(int8).toBeLessThan(0.4 * fp32);
  });
});

describe('the nearness of the answers', () => {
  it.each([
    { what: 'the image', change: ({ image, maps }: Ranges) => ({ image: quarter(image), maps }) },
    {
      what: 'the maps',
      change: ({ image, maps }: Ranges) => ({
        image,
        maps: new Map([...maps].map(([layer, range]) => [layer, quarter(range)])),
      }),
    },
  ])('is lost with a wrong scale of $what', async ({ change }) => {
    const model = modelOf('shallow');
    const { ranges } = (await calibrate(tf, model, calibration)) ?? {};
    if (ranges === undefined) throw new Error('there are convolutions');
    const graph = onnxGraph(tf, model, LABELS);
    const got = await answersOf(onnxFile(quantiseGraph(graph, change(ranges))));
    expect(largestDifference(got, answersFor('shallow').fp32)).toBeGreaterThan(TOLERANCE);
  });
});

it('a network of pixel statistics alone has no int8 form', async () => {
  const model = networkOf({ cut: 'head', taps: ['pixels'] });
  expect(await int8Model(tf, model, calibration)).toBeUndefined();
  model.dispose();
});

describe('calibration', () => {
  it('refuses what are no whole images, and none', async () => {
    const model = modelOf('shallow');
    await expect(int8Model(tf, model, calibration.subarray(1))).rejects.toThrow(RangeError);
    await expect(int8Model(tf, model, new Float32Array())).rejects.toThrow(RangeError);
  });

  it('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    await calibrate(tf, modelOf('views'), calibration);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('ends when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(int8Model(tf, modelOf('shallow'), calibration, { signal })).rejects.toThrow('enough');
  });
});

describe('a pooled vector', () => {
  it('is brought back by the line that fits best, channel by channel', () => {
    const int8 = Float32Array.of(1, 10, 2, 20, 3, 30);
    const fp32 = Float32Array.of(1.5, 8, 3, 16, 4.5, 24);
    const { factors, offsets } = fitCorrection(int8, fp32, 2);
    expect(factors).toEqual(Float32Array.of(1.5, 0.8));
    expect(largestDifference(offsets, Float32Array.of(0, 0))).toBeLessThan(1e-5);
  });

  it('is shifted where a channel says always the same', () => {
    const { factors, offsets } = fitCorrection(Float32Array.of(4, 4), Float32Array.of(5, 7), 1);
    expect([factors[0], offsets[0]]).toEqual([1, 2]);
  });

  it('is further from that of float32 without it', async () => {
    const model = modelOf('normalised');
    const { ranges } = (await calibrate(tf, model, calibration)) ?? {};
    if (ranges === undefined) throw new Error('there are convolutions');
    const got = await answersOf(onnxFile(quantiseGraph(onnxGraph(tf, model, LABELS), ranges)));
    const { fp32, int8 } = answersFor('normalised');
    expect(meanDifference(got, fp32)).toBeGreaterThan(1.2 * meanDifference(int8, fp32));
  });
});

it.each([
  { given: 'next to no weights and a large bias', kernel: 1e-12, bias: 50 },
  { given: 'no weights', kernel: 0, bias: -2 },
  { given: 'nothing but zeros', kernel: 0, bias: 0 },
])('a channel with $given keeps its bias', ({ kernel, bias }) => {
  const { operations } = quantiseGraph(
    {
      ...LABELS,
      name: 'one',
      input: { name: 'image', dims: ['N', 1, 1, 1] },
      output: { name: 'probabilities', dims: ['N', 1, 1, 1] },
      operations: [
        {
          op: 'Conv',
          name: 'c/conv',
          constants: [
            { name: 'c/kernel', dims: [1, 1, 1, 1], values: Float32Array.of(kernel) },
            { name: 'c/bias', dims: [1], values: Float32Array.of(bias) },
          ],
        },
        { op: 'Relu', name: 'c/relu' },
      ],
    },
    { image: { min: -100, max: 150 }, maps: new Map([['c', { min: 0, max: 60 }]]) },
  );
  const [whole, scale] = operations.find(({ name }) => name === 'c/bias/dequantised')?.constants ?? [];
  expect(whole?.values).toBeInstanceOf(Int32Array);
  expect(Number(whole?.values[0]) * Number(scale?.values[0])).toBeCloseTo(bias, 5);
});

describe('an ONNX file in onnxruntime', () => {
  it('answers what tfjs answers', () => {
    const output = tf.tidy(
      () => modelOf('head').predict(tf.tensor4d(images, [IMAGES, SIDE, SIDE, 3])) as tfjs.Tensor,
    );
    expect(largestDifference(answersFor('head').fp32, output.dataSync<'float32'>())).toBeLessThan(1e-5);
    output.dispose();
  });

  it('is read from its path, with several threads, and answers the same', async () => {
    const classifier = await loadOnnx(fileOf('head'), { threads: 2 });
    expect(largestDifference(await classifier.predict(images, IMAGES), answersFor('head').int8)).toBeLessThan(
      1e-5,
    );
    await classifier.dispose();
  });

  it('is refused where it is none', async () => {
    await expect(loadOnnx(Buffer.from('no ONNX'))).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
    await expect(loadOnnx(fileOf('nothing'))).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });

  it('takes whole images only, and none once it was disposed', async () => {
    const classifier = await loadOnnx(fileOf('shallow'));
    await expect(classifier.predict(images, IMAGES - 1)).rejects.toThrow(RangeError);
    await classifier.dispose();
    await classifier.dispose();
    await expect(classifier.predict(images, IMAGES)).rejects.toThrow('disposed');
  });
});

type Options = Omit<Parameters<typeof buildFrozen>[2], 'inputSize'>;

/** A classifier as it is after training. */
function networkOf(options: Options, quantiles?: number): tfjs.LayersModel {
  const network = { ...options, inputSize: SIDE };
  const frozen = buildFrozen(tf, weights, network);
  const features = frozen.predict(tf.tensor4d(calibration, [20, SIDE, SIDE, 3])) as tfjs.Tensor;
  const values = features.dataSync<'float32'>();
  const tail = buildTail(tf, weights, {
    ...network,
    classes: 2,
    headUnits: 0,
    dropout: 0,
    seed: 3,
    ...(quantiles !== undefined && {
      normaliser: fitNormaliser(values, featureGroups(network), quantiles),
    }),
  });
  takeSides(tf, tail, features);
  const joined = joinModel(tf, frozen, tail);
  for (const made of [features, frozen, tail]) made.dispose();
  return joined;
}

async function answersOf(file: Uint8Array): Promise<Float32Array> {
  const classifier = await loadOnnx(file);
  try {
    return await classifier.predict(images, IMAGES);
  } finally {
    await classifier.dispose();
  }
}

function answersFor(name: string): Record<'fp32' | 'int8' | 'python', Float32Array> {
  const found = answers.get(name);
  if (found === undefined) throw new Error(`${name} has no answers`);
  return found;
}

function modelOf(name: string): tfjs.LayersModel {
  const model = models.get(name);
  if (model === undefined) throw new Error(`there is no ${name}`);
  return model;
}

function fileOf(name: string): string {
  return join(scratch, `${name}.onnx`);
}

function meanDifference(got: Float32Array, want: Float32Array): number {
  return got.reduce((sum, value, at) => sum + Math.abs(value - (want[at] ?? Number.NaN)), 0) / got.length;
}

function quarter({ min, max }: Ranges['image']): Ranges['image'] {
  return { min: min / 4, max: max / 4 };
}
