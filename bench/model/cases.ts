/** Which images, and which networks, the size of the input is varied for. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type crossValidateFolder,
  labelDataset,
  labelsFrom,
  manifestAt,
  type DatasetImage,
  type LabelSource,
} from '@hilum/trainer';

type Settings = Parameters<typeof crossValidateFolder>[0]['settings'];

export type Case = {
  readonly name: string;
  readonly data: 'lidc-nodules' | 'iq-oth-nccd';
  readonly taps: Settings['model']['taps'];
  /** As of a TrainingRun that says nothing, or the linear head of docs/model.md. */
  readonly head: 'default' | 'linear';
  /** λ · features / samples, with λ = 0.1; see docs/network.md. */
  readonly l2: number;
};

export const SIZES = [64, 96, 128, 160, 224] as const;

export const CASES: readonly Case[] = [
  {
    name: 'nodules, blocks 1 to 3, linear',
    data: 'lidc-nodules',
    taps: ['block1_conv2', 'block2_conv2', 'block3_conv3'],
    head: 'linear',
    l2: 0.16,
  },
  { name: 'nodules, as by default', data: 'lidc-nodules', taps: ['block5_pool'], head: 'default', l2: 0 },
  {
    name: 'whole slices, blocks 3 to 5, linear',
    data: 'iq-oth-nccd',
    taps: ['block3_conv3', 'block4_conv3', 'block5_conv3'],
    head: 'linear',
    l2: 1,
  },
];

export function settingsOf({ taps, head, l2 }: Case, inputSize: number): Settings {
  const isLinear = head === 'linear';
  return {
    preprocessing: { inputSize },
    model: {
      trainableFrom: 'head',
      taps,
      pooling: isLinear ? 'avg-max' : 'avg',
      views: 1,
      normalise: isLinear ? 'quantile' : 'none',
      headUnits: isLinear ? 0 : 256,
      dropout: isLinear ? 0 : 0.5,
      l2,
    },
    hyperparameters: {
      epochs: isLinear ? 40 : 20,
      batchSize: 32,
      learningRate: 1e-3,
      seed: 7,
      optimizer: 'adam',
      schedule: isLinear ? 'cosine' : 'constant',
      warmupEpochs: 0,
      patience: 0,
      keepEpoch: isLinear ? 'last' : 'best',
      classWeights: 'balanced',
      unitWeights: 'none',
    },
    augmentation: { copies: 0, rotationDegrees: 10, shiftPercent: 5, scalePercent: 5, noise: 0 },
  };
}

export type CaseData = { readonly dataDir: string; readonly labels: LabelSource };

/** Where real images lie, read only. */
const DATA = resolve(import.meta.dirname, '../..', process.env['HILUM_DATA'] ?? '../shared/data');

/** Why nothing can be measured, or false. */
export const noData: string | false = existsSync(join(DATA, 'lidc-nodules'))
  ? false
  : 'no data: set HILUM_DATA to the folder of real images';

/** @param scratch gets a table of labels, where images are left out */
export async function dataOf({ data }: Case, scratch: string): Promise<CaseData> {
  const dataDir = join(DATA, data);
  if (data === 'iq-oth-nccd')
    return { dataDir, labels: await labelsFrom(join(DATA, 'manifest.csv'), dataDir) };
  const { images } = await labelDataset(dataDir, await labelsFrom(join(dataDir, 'nodules.csv'), dataDir));
  const table = join(scratch, 'middle-slices.csv');
  await writeFile(table, manifestAt(table, dataDir, middleOfEach(images)));
  return { dataDir, labels: await labelsFrom(table, dataDir) };
}

/** One slice of each nodule says as much of the size of the input, for a third of the time. */
function middleOfEach(images: readonly DatasetImage[]): readonly DatasetImage[] {
  const units = Object.groupBy(images, ({ unit }) => unit);
  return Object.values(units).flatMap((slices = []) => {
    const at = Math.floor((slices.length - 1) / 2);
    return slices.slice(at, at + 1);
  });
}
