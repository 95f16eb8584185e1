/** Explanations of an int8 file: its pooled channels are corrected before the head, and a map has to know by how much. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { defaultContract } from '@hilum/imaging';
import type * as tfjs from '@tensorflow/tfjs-node';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activations } from '../src/explain/activations.ts';
import {
  INT8_PATH,
  activationNames,
  buildFrozen,
  buildTail,
  extraOutputs,
  gradCam,
  int8Model,
  joinModel,
  loadEngine,
  readBaseWeights,
  readHead,
  writePackage,
  type Head,
  type Tf,
} from '../src/index.ts';
import { metadata, takeSides, textures } from './fixture.ts';

const SIDE = 32;
const PIXELS = SIDE * SIDE * 3;
const OPTIONS = {
  inputSize: SIDE,
  cut: 'head',
  taps: ['block2_conv2', 'block3_conv2'],
  pooling: 'avg-max',
} as const;
const [CHANNELS, CELLS] = [256, 64];

let tf: Tf;
let dir: string;
let heads: Record<'int8' | 'float32', Head>;
let answers: readonly { readonly activations: Activations; readonly probabilities: Float32Array }[];

beforeAll(async () => {
  tf = await loadEngine();
  dir = await mkdtemp(join(tmpdir(), 'hilum-explain-int8-'));
  const images = textures(tf, 12, SIDE);
  const model = await network(images);
  const bytes = await int8Model(tf, model, images);
  if (bytes === undefined) throw new Error('nothing was quantised');
  const about = { ...metadata, contract: defaultContract('hu', SIDE) };
  const info = await writePackage(join(dir, 'model'), tf, model, about, { [INT8_PATH]: bytes });
  model.dispose();
  heads = { int8: await readHead(info, 'int8'), float32: await readHead(info) };
  answers = await run(join(info.dir, INT8_PATH), textures(tf, 3, SIDE, 99), 3);
});

afterAll(() => rm(dir, { recursive: true, force: true }));

describe('an int8 file', () => {
  it('has the answer that its features give in the head', () => {
    for (const { activations, probabilities } of answers) {
      const ours = gradCam(heads.int8, activations, 1).probabilities;
      for (const [at, value] of ours.entries()) {
        expect(Math.abs(value - (probabilities[at] ?? Number.NaN))).toBeLessThan(1e-5);
      }
    }
  });

  it('has its factors read: a feature grows by so much with the mean of its map', () => {
    const part = heads.int8.parts.find(({ kind, layer }) => kind === 'average' && layer === 'block3_conv2');
    const { factors } = part ?? {};
    expect(factors?.length).toBe(CHANNELS);
    const [one, other] = answers;
    if (one === undefined || other === undefined) throw new Error('no answers');
    let compared = 0;
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      const rise = meanOf(one.activations, channel) - meanOf(other.activations, channel);
      if (Math.abs(rise) < 1) continue;
      const start = 2 * 128 + channel;
      const change = (one.activations.features[start] ?? 0) - (other.activations.features[start] ?? 0);
      expect(Math.abs(change / rise - (factors?.[channel] ?? Number.NaN))).toBeLessThan(1e-3);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(CHANNELS / 4);
  });

  it('is weighed by them', () => {
    const [answer] = answers;
    if (answer === undefined) throw new Error('no answers');
    const { activations } = answer;
    const [own, plain] = [heads.int8, heads.float32].map((head) => gradCam(head, activations, 1).weights);
    const [average, maximum] = heads.int8.parts.slice(2).map(({ factors }) => factors);
    expect(own).not.toEqual(plain);
    const scale = Math.max(...(plain ?? []).map((value) => Math.abs(value)));
    // A weight is the sum of those of average and maximum; where both have one factor, so has it.
    const alike = [...(own ?? []).entries()].filter(
      ([channel]) => Math.abs((average?.[channel] ?? 0) - (maximum?.[channel] ?? 9)) < 0.01,
    );
    expect(alike.length).toBeGreaterThan(10);
    for (const [channel, weight] of alike) {
      const want = (average?.[channel] ?? 1) * (plain?.[channel] ?? Number.NaN);
      expect(Math.abs(weight - want)).toBeLessThan(0.02 * scale);
    }
  });
});

async function network(images: Float32Array): Promise<tfjs.LayersModel> {
  const weights = await readBaseWeights(await baseWeightsPath());
  const frozen = buildFrozen(tf, weights, OPTIONS);
  const tail = buildTail(tf, weights, { ...OPTIONS, classes: 3, headUnits: 8, dropout: 0, seed: 5 });
  tf.tidy(() => {
    takeSides(tf, tail, frozen.predict(tf.tensor4d(images, [12, SIDE, SIDE, 3])) as tfjs.Tensor);
  });
  const model = joinModel(tf, frozen, tail);
  for (const part of [frozen, tail]) part.dispose();
  return model;
}

async function run(path: string, images: Float32Array, n: number) {
  const names = await activationNames(path);
  if (names === undefined) throw new Error('no maps');
  const opened = join(dir, 'opened.onnx');
  await writeFile(opened, Buffer.concat([await readFile(path), extraOutputs([names.features, names.maps])]));
  const session = await InferenceSession.create(opened);
  const results: { activations: Activations; probabilities: Float32Array }[] = [];
  for (let at = 0; at < n; at += 1) {
    const image = images.slice(at * PIXELS, (at + 1) * PIXELS);
    const found = await session.run({ image: new Tensor(image, [1, SIDE, SIDE, 3]) });
    const values = (name: string) => found[name]?.data as Float32Array;
    results.push({
      probabilities: values('probabilities'),
      activations: {
        features: values(names.features),
        maps: values(names.maps),
        channels: CHANNELS,
        side: 8,
        views: 1,
      },
    });
  }
  await session.release();
  return results;
}

function meanOf({ maps }: Activations, channel: number): number {
  const map = maps.subarray(channel * CELLS, (channel + 1) * CELLS);
  return map.reduce((sum, value) => sum + value, 0) / CELLS;
}
