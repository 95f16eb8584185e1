import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { defaultContract, writeCtSlice } from '@hilum/imaging';
import {
  buildFrozen,
  buildTail,
  joinModel,
  loadEngine,
  loadOnnx,
  readBaseWeights,
  type Tf,
} from '@hilum/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchDir } from '../test/scratch.ts';
import { scanDataset, type Dataset } from './dataset/scan.ts';
import { byLabel, type ImageScore } from './evaluation.ts';
import { readTensor } from './features/images.ts';
import { quantiseModel, type QuantiseOptions } from './int8.ts';
import { writePhantomStudies } from './phantom/studies.ts';
import type { LayersModel } from './tensors.ts';

const SIDE = 32;
const contract = defaultContract('hu', SIDE);
const dir = scratchDir('int8');

let tf: Tf;
let whole: LayersModel;
let dataset: Dataset;
let options: QuantiseOptions;

beforeAll(async () => {
  tf = await loadEngine();
  await writePhantomStudies({ dir, patients: 24, slices: 2, seed: 7 });
  dataset = await scanDataset(dir);
  whole = await classifier(['block2_conv2']);
  const train = dataset.images.filter((_, at) => at % 4 < 2);
  const validation = await scoresOf(dataset.images.filter((_, at) => at % 4 >= 2));
  const classes = { labels: dataset.labels, positiveLabel: 'malignant' };
  options = { tf, whole, contract, dir, train, validation, classes };
});

afterAll(() => whole.dispose());

describe('an int8 file', () => {
  it('is kept where it says what the float32 network says', async () => {
    const { record, bytes } = await quantiseModel(options);
    expect(record).toMatchObject({
      kept: true,
      level: 'unit',
      images: 24,
      calibrationImages: 24,
      bytes: bytes?.byteLength,
      maxDeltaAucRoc: 0.005,
    });
    expect(record.reason).toMatch(
      /^int8 loses (no|0\.00\d\d of) AUC on validation \(at most 0\.005\); probabilities differ by 0\.0/,
    );
    expect(record.aucRocFp32).toBeGreaterThan(0.9); // or there is nothing to lose
    expect(record.deltaAucRoc).toBe(Number(record.aucRocFp32) - Number(record.aucRocInt8));
    expect(record.largestDifference).toBeGreaterThan(0);
    expect(record.largestDifference).toBe(await differenceBy(bytes ?? new Uint8Array()));
  });

  it('is refused where it loses AUC: calibrated on a slice of nothing but bone', async () => {
    const train = [{ file: await writeEvenSlice('bone', 3000) }];
    const { record, bytes } = await quantiseModel({ ...options, train });
    expect(bytes).toBeUndefined();
    expect(record).toMatchObject({ kept: false, calibrationImages: 1 });
    expect(record.deltaAucRoc).toBeGreaterThan(0.005);
    expect(record.reason).toMatch(/^int8 loses 0\.0\d\d\d of AUC on validation \(at most 0\.005\)/);
  });

  it('is refused where it ranks as well by other probabilities: calibrated on nothing but air', async () => {
    const train = [{ file: await writeEvenSlice('air', -1000) }];
    const { record, bytes } = await quantiseModel({ ...options, train });
    expect(bytes).toBeUndefined();
    expect(record).toMatchObject({ kept: false, deltaAucRoc: 0 });
    expect(record.meanDifference).toBeGreaterThan(0.05);
    expect(record.reason).toContain('(at most 0.05)');
  });

  it('is judged by images where no unit has several', async () => {
    const validation = options.validation.filter((_, at) => at % 2 === 0);
    const { record } = await quantiseModel({ ...options, validation });
    expect(record).toMatchObject({ level: 'image', images: 12 });
  });

  it.each([
    {
      given: 'a network without convolutions',
      change: async () => ({ whole: await classifier(['pixels']) }),
      reason: 'no convolution',
    },
    {
      given: 'a validation part of one class',
      change: async () => ({ validation: options.validation.filter(({ label }) => label === 'benign') }),
      reason: 'both classes',
    },
    { given: 'no training image', change: async () => ({ train: [] }), reason: 'images of the training' },
    {
      given: 'no validation image',
      change: async () => ({ validation: [] }),
      reason: 'and of the validation',
    },
  ])('is not made of $given, and the record says why', async ({ change, reason }) => {
    const changed = { ...options, ...(await change()) };
    const { record, bytes } = await quantiseModel(changed);
    if (changed.whole !== whole) changed.whole.dispose();
    expect(bytes).toBeUndefined();
    expect(record).toMatchObject({
      kept: false,
      reason: expect.stringContaining(reason) as string,
      deltaAucRoc: { notDefined: record.reason },
    });
    expect(JSON.stringify(record)).not.toContain('null');
  });

  it('is not made any more when the run is told to end', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(quantiseModel({ ...options, signal })).rejects.toThrow('enough');
  });
});

/** A network whose head tells the labels apart by the difference of their mean features. */
async function classifier(taps: readonly ('block2_conv2' | 'pixels')[]): Promise<LayersModel> {
  const weights = await readBaseWeights(await baseWeightsPath());
  const network = { inputSize: SIDE, cut: 'head', taps } as const;
  const frozen = buildFrozen(tf, weights, network);
  const tail = buildTail(tf, weights, { ...network, classes: 2, headUnits: 0, dropout: 0, seed: 1 });
  const [benign, malignant] = await Promise.all(
    dataset.labels.map(async (label) => tensors(dataset.images.filter((image) => image.label === label))),
  );
  tf.tidy(() => {
    const [a, b] = [benign, malignant].map((images) => meanFeatures(frozen, images ?? new Float32Array()));
    if (a === undefined || b === undefined) throw new Error('there are two labels');
    const axis = tf.sub(b, a);
    const direction = tf.div(axis, tf.sum(tf.square(axis)));
    const middle = tf.sum(tf.mul(direction, tf.div(tf.add(a, b), 2)));
    const kernel = tf.stack([tf.neg(direction), direction], 1);
    tail.getLayer('logits').setWeights([kernel, tf.stack([middle, tf.neg(middle)])]);
  });
  const joined = joinModel(tf, frozen, tail);
  frozen.dispose();
  tail.dispose();
  return joined;
}

function meanFeatures(frozen: LayersModel, images: Float32Array) {
  const features = frozen.predict(tf.tensor4d(images, [images.length / (SIDE * SIDE * 3), SIDE, SIDE, 3]));
  if (Array.isArray(features)) throw new TypeError('the frozen layers have one output');
  return tf.mean(features, 0);
}

async function tensors(images: readonly { readonly file: string }[]): Promise<Float32Array> {
  const values = await Promise.all(images.map(({ file }) => readTensor(dir, file, contract)));
  return Float32Array.from(values.flatMap((image) => Array.from(image)));
}

async function scoresOf(images: Dataset['images']): Promise<readonly ImageScore[]> {
  const output = whole.predict(tf.tensor4d(await tensors(images), [images.length, SIDE, SIDE, 3]));
  if (Array.isArray(output)) throw new TypeError('a classifier has one output');
  const rows = output.dataSync<'float32'>();
  output.dispose();
  return images.map((image, at) =>
    Object.assign({}, image, { probabilities: byLabel(dataset.labels, rows.subarray(2 * at, 2 * at + 2)) }),
  );
}

/** Found anew, from the file. */
async function differenceBy(file: Uint8Array): Promise<number> {
  const { validation } = options;
  const network = await loadOnnx(file);
  const rows = await network.predict(await tensors(validation), validation.length);
  await network.dispose();
  const differences = validation.flatMap(({ probabilities }, at) =>
    dataset.labels.map((label, column) =>
      Math.abs((probabilities[label] ?? 0) - (rows[2 * at + column] ?? 0)),
    ),
  );
  return Math.max(...differences);
}

/** Of one value throughout. */
async function writeEvenSlice(name: string, hu: number): Promise<string> {
  const bytes = writeCtSlice({
    rows: 64,
    columns: 64,
    hu: new Int16Array(64 * 64).fill(hu),
    patientId: 'SYNTHETIC-EVEN',
    instance: 1,
    position: [0, 0, 0],
    pixelSpacing: [1, 1],
    sliceThickness: 1,
    seriesDescription: 'SYNTHETIC, not a patient',
  });
  await mkdir(join(dir, 'even'), { recursive: true });
  await writeFile(join(dir, 'even', `${name}.dcm`), bytes);
  return `even/${name}.dcm`;
}
