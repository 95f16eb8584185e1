import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gradCam, loadEngine, readHead, writePackage, type Head, type Tf } from '../src/index.ts';
import { ALONE, SHAPES, built, metadata, network, type Network, type Shape } from './explain-networks.ts';
import type { Reference } from './explain-reference.ts';
import { smallModel } from './fixture.ts';

let tf: Tf;
let dir: string;
const networks = new Map<Shape, Network>();

beforeAll(async () => {
  tf = await loadEngine();
  dir = await mkdtemp(join(tmpdir(), 'hilum-explain-'));
  for (const shape of SHAPES) networks.set(shape, await network(tf, dir, shape));
});

afterAll(async () => {
  for (const { model } of networks.values()) model.dispose();
  await rm(dir, { recursive: true, force: true });
});

describe.each(SHAPES)('$what', (shape) => {
  const here = (): Network => networkOf(shape);

  it('weighs each channel as TensorFlow’s gradients do, for each label', () => {
    const { head, of } = here();
    expect(head.layer).toBe(shape.layer);
    for (const label of [0, 1, 2]) {
      const truth = of(label);
      const ours = gradCam(head, truth.activations, label).weights;
      expect(relative(ours, meanOverPlaces(truth))).toBeLessThan(1e-5);
    }
  });

  it('computes the probabilities of the answer on its way', () => {
    const { head, of } = here();
    const { activations, probabilities } = of(1);
    const ours = gradCam(head, activations, 1).probabilities;
    expect(Math.max(...probabilities) - Math.min(...probabilities)).toBeGreaterThan(0.05);
    expect(relative(ours, probabilities)).toBeLessThan(1e-5);
  });

  it('draws relu(Σ α A), each view turned back, over the whole input', () => {
    const { head, of } = here();
    const maps = [0, 1, 2].map((label) => {
      const truth = of(label);
      const { heat, empty } = gradCam(head, truth.activations, label);
      return { heat, empty, want: scaled(placeHeat(truth, shape.inputSize)) };
    });
    const most = ({ want }: (typeof maps)[number]): number => Math.max(...want);
    expect(maps.map(({ empty }) => empty)).toEqual(maps.map((map) => most(map) === 0));
    const drawn = maps.filter(({ empty }) => !empty);
    for (const { heat, want } of drawn) expect(relative(heat.values, want)).toBeLessThan(1e-4);
    expect(drawn.length).toBeGreaterThan(0);
  });
});

it.each(SHAPES.filter(({ normalised }) => normalised !== true))(
  'a weight is the slope of the logit, by which a feature that is raised by little raises it: $what',
  (shape) => {
    const { head, of } = networkOf(shape);
    const { activations } = of(1);
    const { weights } = gradCam(head, activations, 1);
    const start = offsetOf(head);
    // By the average alone; a maximum would be raised with it.
    const places = activations.side ** 2 * activations.views;
    const logit = (features: Float32Array): number => {
      const { probabilities } = gradCam(head, { ...activations, features }, 1);
      // Of logits only differences can be seen in probabilities.
      return Math.log((probabilities[1] ?? 0) / (probabilities[0] ?? 0));
    };
    const against = gradCam(head, activations, 0).weights;
    const maximum = head.parts.some(({ kind, layer }) => kind === 'maximum' && layer === head.layer);
    // One that speaks.
    const channel = strongest(weights.map((weight, at) => weight * (activations.features[start + at] ?? 0)));
    const step = 1e-3 * Math.max(1, activations.features[start + channel] ?? 0);
    const raised = (by: number): Float32Array =>
      activations.features.map((value, at) => {
        const isIt = at === start + channel || (maximum && at === start + head.channels + channel);
        return isIt ? value + by : value;
      });
    const up = raised(step);
    const down = raised(-step);
    const rise = (logit(up) - logit(down)) / ((up[start + channel] ?? 0) - (down[start + channel] ?? 0));
    const want = ((weights[channel] ?? 0) - (against[channel] ?? 0)) * places;
    expect(Math.abs(rise - want)).toBeLessThan(0.02 * Math.abs(want));
  },
);

it('says so where no place speaks for the label', () => {
  const shape = SHAPES[1];
  const known = shape === undefined ? undefined : networks.get(shape);
  if (known === undefined) throw new Error('no network');
  const { head, of } = known;
  const [last] = head.dense;
  if (last === undefined) throw new Error('no head');
  const against = { ...head, dense: [{ ...last, kernel: last.kernel.map((value) => -Math.abs(value)) }] };
  const { heat, empty } = gradCam(against, of(1).activations, 1);
  expect(empty).toBe(true);
  expect(heat.values.every((value) => value === 0)).toBe(true);
});

it('names what went into the answer and is not shown', () => {
  const notShown = [...networks.values()].map(({ head }) => head.notShown);
  expect(notShown).toEqual([[], [], ['block3_conv1', 'pixels'], ['block3_conv3'], [], ['block5_conv3']]);
});

it('refuses activations of another network, and a label that is not there', () => {
  const [one, , several] = [...networks.values()];
  if (one === undefined || several === undefined) throw new Error('no network');
  const { activations } = one.of(0);
  expect(() => gradCam(several.head, activations, 0)).toThrow(RangeError);
  expect(() => gradCam(one.head, activations, 3)).toThrow(RangeError);
});

it.each([
  ['with statistics of the image alone', 'pixels'],
  ['that is no VGG16', 'other'],
])('refuses a model %s', async (_, kind) => {
  const model = kind === 'other' ? smallModel(tf) : (await built(tf, { ...ALONE, taps: ['pixels'] })).model;
  const info = await writePackage(join(dir, kind), tf, model, metadata(64));
  model.dispose();
  await expect(readHead(info)).rejects.toMatchObject({ code: 'NOT_EXPLAINABLE' });
});

it('refuses weights that end too early', async () => {
  const { model } = await built(tf, ALONE);
  const cut = await writePackage(join(dir, 'cut'), tf, model, metadata(64));
  model.dispose();
  await writeFile(join(cut.dir, 'tfjs/weights.bin'), new Uint8Array(100));
  await expect(readHead(cut)).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
});

function networkOf(shape: Shape): Network {
  const found = networks.get(shape);
  if (found === undefined) throw new Error('no network');
  return found;
}

/** Of each channel, by TensorFlow. */
function meanOverPlaces({ gradient, activations: { channels, side, views } }: Reference): Float64Array {
  const sums = new Float64Array(channels);
  for (const [at, value] of gradient.entries()) sums[at % channels] = (sums[at % channels] ?? 0) + value;
  return sums.map((sum) => sum / (side * side * views));
}

function scaled(values: Float32Array): Float32Array {
  const most = Math.max(...values);
  return values.map((value) => (most === 0 ? 0 : value / most));
}

/** By tensors: as many values as the pools leave, or as pixels where what they leave is not the whole. */
function placeHeat(truth: Reference, inputSize: number): Float32Array {
  const { channels, side, views, maps } = truth.activations;
  return tf.tidy(() => {
    const weights = tf.tensor1d(Float32Array.from(meanOverPlaces(truth)));
    const nchw = tf.tensor4d(maps, [views, channels, side, side]);
    const sums = tf.sum(tf.mul(tf.transpose(nchw, [0, 2, 3, 1]), weights), 3, true) as tfjs.Tensor4D;
    const covered = side * 2 ** Math.floor(Math.log2(inputSize / side));
    const rest = inputSize - covered;
    const over = tf.image.resizeBilinear(sums, [covered, covered], false, true);
    const whole =
      rest === 0
        ? sums
        : tf.pad(over, [
            [0, 0],
            [0, rest],
            [0, rest],
            [0, 0],
          ]);
    const turned = [[], [1], [2], [1, 2]].slice(0, views).map((axes, view) => {
      const one = tf.slice(whole, [view, 0, 0, 0], [1, -1, -1, 1]);
      return axes.length === 0 ? one : tf.reverse(one, axes);
    });
    return tf
      .relu(tf.mean(tf.stack(turned), 0))
      .dataSync<'float32'>()
      .slice();
  });
}

function offsetOf({ parts, layer }: Head): number {
  let start = 0;
  for (const part of parts) {
    if (part.layer === layer) return start;
    start += part.length;
  }
  throw new Error(`no part of ${layer}`);
}

function strongest(weights: Float64Array): number {
  return weights.reduce((best, value, at) => (Math.abs(value) > Math.abs(weights[best] ?? 0) ? at : best), 0);
}

function relative(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  const all = Array.from(want);
  const scale = all.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  expect(scale).toBeGreaterThan(0);
  return all.reduce((max, value, at) => Math.max(max, Math.abs((got[at] ?? Number.NaN) - value)), 0) / scale;
}
