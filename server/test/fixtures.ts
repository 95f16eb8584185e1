/** Real parts for the tests: a package with the ImageNet base, and the images of the shared data. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { baseWeightsPath, samplePhotosDir } from '@hilum/hack';
import { type Contract, contractDigest, defaultContract } from '@hilum/imaging';
import {
  BASE_WEIGHTS_SHA256,
  INT8_PATH,
  type PackageInfo,
  buildFrozen,
  buildTail,
  int8Model,
  joinModel,
  loadEngine,
  readBaseWeights,
  writePackage,
} from '@hilum/model';
import type { Limits } from '../src/config.ts';
import type { ServedModel } from '../src/readiness.ts';

export const INPUT_SIZE = 64;
const HEAD_UNITS = 16;
const LUNG = { center: -600, width: 1500 };
export const RENDERING: Contract = defaultContract('grey', INPUT_SIZE, LUNG);

export const LIMITS: Limits = {
  maxBodyBytes: 2_000_000,
  maxSeriesBytes: 20_000_000,
  queue: 4,
  inFlight: 32,
  bytesInFlight: 64_000_000,
  deadlineMs: 60_000,
  seriesDeadlineMs: 120_000,
  bodyTimeoutMs: 60_000,
  selfCheckEvery: 1_000,
  explanations: 2,
};

/** A folder that is removed at the end of `await using`. */
export async function scratch(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'hilum-server-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/**
 * Writes a package whose head is random (seeded) and whose base is the real one.
 *
 * @param int8Images preprocessed images by which an int8 file is made for it
 */
export async function writeRealPackage(
  dir: string,
  contract: Contract = RENDERING,
  int8Images?: Float32Array,
): Promise<PackageInfo> {
  const tf = await loadEngine();
  const weights = await readBaseWeights(await baseWeightsPath());
  const shape = { inputSize: contract.inputSize, cut: 'head' } as const;
  const frozen = buildFrozen(tf, weights, shape);
  const tail = buildTail(tf, weights, { ...shape, classes: 2, headUnits: HEAD_UNITS, dropout: 0, seed: 11 });
  // An untrained tail answers 0.5 to everything; small random values tell images apart and are never certain.
  tf.tidy(() => {
    const kernel = tf.randomUniform([HEAD_UNITS, 2], -0.02, 0.02, 'float32', 5);
    tail.getLayer('logits').setWeights([kernel, tf.zeros([2])]);
  });
  const model = joinModel(tf, frozen, tail);
  try {
    const int8 = int8Images === undefined ? undefined : await int8Model(tf, model, int8Images);
    const metadata = {
      labels: ['benign', 'malignant'],
      positiveLabel: 'malignant',
      contract,
      metrics: { 'test/auc_roc': 0.5 },
      baseWeightsSha256: BASE_WEIGHTS_SHA256,
      createdAt: '2026-01-02T03:04:05.000Z',
    };
    return await writePackage(dir, tf, model, metadata, int8 === undefined ? {} : { [INT8_PATH]: int8 });
  } finally {
    for (const part of [frozen, tail, model]) part.dispose();
  }
}

/** The same weights under another contract. */
export function servedAs(info: PackageInfo, contract: Contract): ServedModel {
  return {
    name: 'lung',
    version: '7',
    info: { ...info, contract },
    contract: contractDigest(contract),
    engine: {
      engine: 'tensorflow',
      version: '0',
      precision: 'float32',
      device: 'cpu',
      lanes: 1,
      threads: 1,
      maxBatch: 1,
    },
  };
}

const DATA = resolve(import.meta.dirname, '../..', process.env['HILUM_DATA'] ?? '../shared/data');

/** Why tests on real images are skipped, where they are. */
export const DATA_ABSENT = existsSync(DATA) ? false : `no images at ${DATA}; set HILUM_DATA`;

export async function lidcPng(): Promise<Buffer> {
  return readFile(await firstFile(join(DATA, 'lidc-nodules/malignant'), '.png'));
}

/** `count` of them, evenly spread over all nodules. */
export async function lidcPictures(count: number): Promise<string[]> {
  const dir = join(DATA, 'lidc-nodules');
  const names = (await readdir(dir, { recursive: true })).filter((name) => name.endsWith('.png')).toSorted();
  const step = names.length / count;
  return Array.from({ length: count }, (_, at) => join(dir, names[Math.floor(at * step)] ?? ''));
}

export async function iqOthJpeg(): Promise<Buffer> {
  return readFile(await firstFile(join(DATA, 'iq-oth-nccd'), '.jpg'));
}

export async function ctSlice(): Promise<Buffer> {
  return readFile(join(seriesFolder(), '1-030.dcm'));
}

/** Neighbouring slices of one chest, nothing else. */
export function seriesFolder(): string {
  return join(DATA, 'dicom/series-LungFCP-01-0001');
}

export async function mrSlice(): Promise<Buffer> {
  return readFile(join(DATA, 'dicom/transfer-syntaxes/MR_small_j2k-lossless_4.90.dcm'));
}

/** A chest model must not answer for it; its header names no body part. */
export async function headSlice(): Promise<Buffer> {
  return readFile(join(DATA, 'dicom/out-of-domain/CT2_head_j2k-lossless_4.90.dcm'));
}

/** In colour. */
export async function photoOfCat(): Promise<Buffer> {
  return readFile(join(await samplePhotosDir(), 'chelsea.png'));
}

async function firstFile(dir: string, ending: string): Promise<string> {
  const names = await readdir(dir, { recursive: true });
  const [name] = names.filter((candidate) => candidate.endsWith(ending)).toSorted();
  if (name === undefined) throw new Error(`no ${ending} below ${dir}`);
  return join(dir, name);
}
