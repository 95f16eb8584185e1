import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CAFFE_MEANS } from '@hilum/imaging';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildFrozen, featureGroups, loadEngine, type BaseWeights, type Tf } from '../src/index.ts';
import { onnxModel } from '../src/onnx/model.ts';
import { PIXEL_STATISTICS } from '../src/pixels/statistics.ts';
import { python } from './python.ts';

const NAMES = PIXEL_STATISTICS.map(([name]) => name);
const WIDTH = NAMES.length;
const SIDE = 64;

/** A level from 0 to 255 for each pixel. */
type Picture = (row: number, column: number) => number;

const PICTURES: Readonly<Record<string, Picture>> = {
  black: () => 0,
  white: () => 255,
  one_pixel: (row, column) => (row === 10 && column === 20 ? 200 : 0),
  ramp: (row, column) => 2 * row + column,
  disc: (row, column) =>
    (row - 30) ** 2 + (column - 33) ** 2 <= 100
      ? Math.min(255, Math.max(0, 100 + 3 * ((row * 7 + column * 13) % 17) + (row - 20) * 4))
      : 0,
  star: (row, column) => {
    const [down, right] = [row - 32, column - 32];
    const reach = 8 + 4 * Math.cos(5 * Math.atan2(down, right));
    return Math.hypot(down, right) < reach ? 60 + ((row * column) % 180) : 0;
  },
  chess: (row, column) => 255 * ((row + column) % 2),
};
/** Spotted lumps at the side of black, of many sizes and levels; the last ones reach the border of the image. */
const LUMPS = Array.from({ length: 12 }, (_, at): Picture => {
  const [tall, wide] = [3 + 3 * at, 4 + 2 * ((at * 5) % 11)];
  return (row, column) => {
    const [down, right] = [(row - 30 - at) / tall, (column - 24 + at) / wide];
    const spots = (row * row * 31 + column * 57 + row * column * 13 + at * 7) % (20 + 9 * at);
    return down ** 2 + right ** 2 <= 1 ? Math.min(255, 25 + 14 * at + spots) : 0;
  };
});

let tf: Tf;
let scratch: string;

beforeAll(async () => {
  tf = await loadEngine();
  scratch = await mkdtemp(join(tmpdir(), 'hilum-pixels-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const drawn = Object.entries(PICTURES);

describe.each(drawn)('%s', (name, picture) => {
  it('has the statistics that were first written down', async () => {
    const written = z
      .object({ statistics: z.record(z.string(), z.record(z.string(), z.number())) })
      .parse(JSON.parse(await readFile(join(import.meta.dirname, 'pixels-vectors.json'), 'utf8')));
    const want = written.statistics[name];
    const got = statisticsOf([picture], SIDE);
    expect(NAMES).toEqual(Object.keys(want ?? {}));
    expect(got.every((value) => Number.isFinite(value))).toBe(true);
    expect(
      furthest(
        got,
        Float32Array.from(NAMES, (each) => want?.[each] ?? Number.NaN),
      ).by,
    ).toBeLessThan(1e-4);
  });
});

it.each([SIDE, 33])('by numpy and scipy they are the same, in pictures of %i pixels', async (side) => {
  const pictures = [...Object.values(PICTURES), ...LUMPS];
  const input = { shape: [pictures.length, side, side, 3], values: inputOf(pictures, side) };
  const { results } = await python('pixels_reference.py', input, ['statistics']);
  const { by, name } = furthest(statisticsOf(pictures, side), results[0] ?? new Float32Array());
  expect(`${name} ${by < 1e-4 ? 'agrees' : `differs by ${by}`}`).toBe(`${name} agrees`);
});

it.each([SIDE, 33])('by onnxruntime they are the same, in pictures of %i pixels', async (side) => {
  const pictures = [...LUMPS, ...Object.values(PICTURES)];
  const input = { shape: [pictures.length, side, side, 3], values: inputOf(pictures, side) };
  const model = pixelsAlone(side);
  const file = join(scratch, `pixels_${side}.onnx`);
  await writeFile(file, onnxModel(tf, model, { doc: 'test', producerVersion: '0' }));
  model.dispose();
  const { results } = await python('run_onnx.py', input, [`pixels_${side}`], [file]);
  const { by, name } = furthest(results[0] ?? new Float32Array(), statisticsOf(pictures, side));
  expect(`${name} ${by < 1e-5 ? 'agrees' : `differs by ${by}`}`).toBe(`${name} agrees`);
});

it('are of the picture alone: of a batch each has its own, and no tensor is left behind', () => {
  const [one, two] = [LUMPS[2], LUMPS[7]].map((lump) => lump ?? (() => 0));
  if (one === undefined || two === undefined) throw new Error('two lumps');
  statisticsOf([one], SIDE);
  const before = tf.memory().numTensors;
  const both = statisticsOf([one, two], SIDE);
  expect(both.slice(0, WIDTH)).toEqual(statisticsOf([one], SIDE));
  expect(both.slice(WIDTH)).toEqual(statisticsOf([two], SIDE));
  expect(tf.memory().numTensors).toBe(before);
});

it('do not change with the mirrored picture', () => {
  const mirrored = LUMPS.map(
    (lump): Picture =>
      (row, column) =>
        lump(row, SIDE - 1 - column),
  );
  expect(furthest(statisticsOf(mirrored, SIDE), statisticsOf(LUMPS, SIDE)).by).toBeLessThan(1e-5);
});

it('alone they need no layer of VGG16; beside others they come last and have two thirds of the say', () => {
  const model = pixelsAlone(SIDE);
  expect(model.layers.map((layer) => layer.getClassName())).toEqual(['InputLayer', 'PixelStatistics']);
  model.dispose();
  expect(featureGroups({ taps: ['pixels'], pooling: 'avg-max' })).toEqual([
    { length: 32, share: 1, alike: false },
  ]);
  const groups = featureGroups({ taps: ['block1_conv1', 'pixels', 'block2_conv1'], pooling: 'avg-max' });
  expect(groups.map(({ length }) => length)).toEqual([64, 64, 128, 128, 32]);
  expect(groups.map(({ share }) => share.toFixed(4))).toEqual([
    '0.0833',
    '0.0833',
    '0.0833',
    '0.0833',
    '0.6667',
  ]);
});

it('their table in docs/network.md is up to date', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/network.md'), 'utf8');
  const rows = page.matchAll(/^\| `(\w+)` +\| (.*?) +\|$/gm);
  const told = Array.from(rows, ([, name, meaning]) => [name, meaning]);
  expect(told.filter(([name]) => NAMES.some((known) => known === name))).toEqual(PIXEL_STATISTICS);
});

function statisticsOf(pictures: readonly Picture[], side: number): Float32Array {
  const model = pixelsAlone(side);
  const output = tf.tidy(() => {
    const images = tf.tensor4d(inputOf(pictures, side), [pictures.length, side, side, 3]);
    return model.predict(images, { batchSize: pictures.length }) as tfjs.Tensor;
  });
  const values = output.dataSync<'float32'>();
  output.dispose();
  model.dispose();
  return values;
}

function pixelsAlone(side: number): tfjs.LayersModel {
  const none: BaseWeights = { sha256: '', layers: new Map() };
  return buildFrozen(tf, none, { inputSize: side, cut: 'head', taps: ['pixels'] });
}

/** As imaging makes a network's input of grey pictures. */
function inputOf(pictures: readonly Picture[], side: number): Float32Array {
  return Float32Array.from({ length: pictures.length * side * side * 3 }, (_, at) => {
    const pixel = Math.floor(at / 3) % (side * side);
    const picture = pictures[Math.floor(at / (3 * side * side))];
    return (picture?.(Math.floor(pixel / side), pixel % side) ?? 0) - (CAFFE_MEANS[at % 3] ?? 0);
  });
}

/** The largest difference as a share of the largest value that the statistic has among these pictures, and of which. */
function furthest(got: Float32Array, want: Float32Array): { readonly by: number; readonly name: string } {
  expect(got).toHaveLength(want.length);
  const each = NAMES.map((name, statistic) => {
    const of = (rows: Float32Array) => rows.filter((_, at) => at % WIDTH === statistic);
    const [ours, theirs] = [of(got), of(want)];
    const largest = Math.max(...theirs.map((value) => Math.abs(value)), 1e-3);
    return { name, by: Math.max(...ours.map((value, at) => Math.abs(value - (theirs[at] ?? 0)) / largest)) };
  });
  return each.reduce((worst, one) => (one.by > worst.by || Number.isNaN(one.by) ? one : worst));
}
