import { appendFile, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { defaultContract } from '@hilum/imaging';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  activationNames,
  buildFrozen,
  buildTail,
  extraOutputs,
  featureGroups,
  fitNormaliser,
  int8Model,
  joinModel,
  loadClassifier,
  loadEngine,
  readBaseWeights,
  writePackage,
  type BaseWeights,
  type Tf,
} from '../src/index.ts';
import { largestDifference, metadata, textures } from './fixture.ts';

const SIDE = 32;
const PIXELS = SIDE * SIDE * 3;

const NETWORKS = [
  {
    name: 'one tap',
    options: { taps: ['block3_conv3'] },
    headUnits: 8,
    want: { maps: 'block3_conv3/relu', features: 'block3_conv3_avg', views: 1 },
    shape: { channels: 256, side: 8 },
  },
  {
    name: 'the deepest tap first, views, pixels, a normaliser',
    options: { taps: ['block2_conv2', 'block1_conv2', 'pixels'], pooling: 'avg-max', views: 4 },
    headUnits: 0,
    quantiles: 9,
    want: { maps: 'block2_conv2/relu', features: 'with_pixels', views: 4 },
    shape: { channels: 128, side: 16 },
  },
] as const;

let tf: Tf;
let weights: BaseWeights;
let scratch: string;
let images: Float32Array;

beforeAll(async () => {
  tf = await loadEngine();
  weights = await readBaseWeights(await baseWeightsPath());
  scratch = await mkdtemp(join(tmpdir(), 'hilum-activations-'));
  images = textures(tf, 12, SIDE);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(NETWORKS)('of $name', (network) => {
  const dir = (): string => join(scratch, network.name.replaceAll(/\W/g, '_'));

  beforeAll(async () => {
    const model = networkOf(network);
    const int8 = await int8Model(tf, model, images);
    await writePackage(
      dir(),
      tf,
      model,
      { ...metadata, contract: defaultContract('hu', SIDE) },
      { 'model.int8.onnx': int8 ?? new Uint8Array() },
    );
    model.dispose();
  });

  it('are found by name in the file', async () => {
    expect(await activationNames(join(dir(), 'model.onnx'))).toEqual(network.want);
  });

  it('are found in the int8 file: maps dequantised, averages with their correction', async () => {
    const names = await activationNames(join(dir(), 'model.int8.onnx'));
    expect(names?.maps).toBe(`${network.want.maps}/dequantised`);
    expect(names?.views).toBe(network.want.views);
    const { onnx } = await both(dir(), 'model.int8.onnx');
    const { onnx: float32 } = await both(dir(), 'model.onnx');
    const largest = float32.maps.reduce((most, value) => Math.max(most, value), 0);
    expect(largestDifference(onnx.maps, float32.maps)).toBeLessThan(largest / 4);
    expect(onnx.features.length).toBe(float32.features.length);
  });

  it('are of one pass through onnxruntime what TensorFlow gives, and leave the answer as it was', async () => {
    const { onnx, tensorflow, alone } = await both(dir(), 'model.onnx');
    const { channels, side, views } = tensorflow.activations;
    expect({ channels, side }).toEqual(network.shape);
    expect(views).toBe(network.want.views);
    expect(onnx.maps.length).toBe(2 * views * channels * side * side);
    expect(onnx.dims).toEqual([2 * views, channels, side, side]);
    const scale = onnx.maps.reduce((most, value) => Math.max(most, value), 1);
    expect(largestDifference(onnx.maps, tensorflow.activations.maps)).toBeLessThan(1e-5 * scale);
    expect(largestDifference(onnx.features, tensorflow.activations.features)).toBeLessThan(1e-4 * scale);
    expect(largestDifference(tensorflow.probabilities, alone)).toBeLessThan(1e-6);
    expect(largestDifference(onnx.probabilities, alone)).toBeLessThan(1e-5);
  });
});

it('are not there where nothing is pooled, nor in what is no file of ours', async () => {
  const file = join(scratch, 'text.onnx');
  await writeFile(file, 'no ONNX');
  await expect(activationNames(file)).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  const model = networkOf({ options: { taps: ['pixels'] }, headUnits: 0 });
  const dir = join(scratch, 'pixels');
  await writePackage(dir, tf, model, { ...metadata, contract: defaultContract('hu', SIDE) });
  model.dispose();
  expect(await activationNames(join(dir, 'model.onnx'))).toBeUndefined();
  const classifier = await loadClassifier(tf, dir);
  expect(() => classifier.explain(images.slice(0, PIXELS), 1)).toThrow(
    expect.objectContaining({ code: 'LAYER_UNSUPPORTED' }),
  );
  classifier.dispose();
});

interface Options {
  readonly options: Parameters<typeof featureGroups>[0] & { readonly views?: 1 | 4 };
  readonly headUnits: number;
  readonly quantiles?: number;
}

function networkOf({ options, headUnits, quantiles }: Options) {
  const shape = { ...options, inputSize: SIDE, cut: 'head' } as const;
  const frozen = buildFrozen(tf, weights, shape);
  const features = tf.tidy(() =>
    (
      frozen.predict(tf.tensor4d(images, [12, SIDE, SIDE, 3]), { batchSize: 4 }) as {
        dataSync(): Float32Array;
      }
    )
      .dataSync()
      .slice(),
  );
  const normaliser =
    quantiles === undefined ? {} : { normaliser: fitNormaliser(features, featureGroups(options), quantiles) };
  const tail = buildTail(tf, weights, {
    ...shape,
    classes: 3,
    headUnits,
    dropout: 0,
    seed: 3,
    ...normaliser,
  });
  const joined = joinModel(tf, frozen, tail);
  frozen.dispose();
  tail.dispose();
  return joined;
}

/** Two images through both engines. */
async function both(dir: string, file: string) {
  const path = join(dir, file);
  const names = await activationNames(path);
  if (names === undefined) throw new Error('the file has no activations');
  const more = join(dir, `more-${file}`);
  await copyFile(path, more);
  await appendFile(more, extraOutputs([names.features, names.maps]));
  const session = await InferenceSession.create(more);
  const batch = images.slice(0, 2 * PIXELS);
  const results = await session.run({ image: new Tensor(batch, [2, SIDE, SIDE, 3]) });
  await session.release();
  await rm(more);
  const classifier = await loadClassifier(tf, dir);
  const tensorflow = classifier.explain(batch.slice(), 2);
  const alone = classifier.predict(batch.slice(), 2);
  classifier.dispose();
  const of = (name: string): Float32Array => results[name]?.data as Float32Array;
  return {
    onnx: {
      probabilities: of('probabilities'),
      features: of(names.features),
      maps: of(names.maps),
      dims: results[names.maps]?.dims,
    },
    tensorflow,
    alone,
  };
}
