/** A real server with a real model, for the page to talk to. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { defaultContract } from '@hilum/imaging';
import {
  BASE_WEIGHTS_SHA256,
  type Decision,
  buildFrozen,
  buildTail,
  joinModel,
  loadEngine,
  readBaseWeights,
  writePackage,
} from '@hilum/model';
import { type RunningServer, readConfig, start } from '@hilum/server';

const INPUT_SIZE = 64;
const HEAD_UNITS = 16;
const LUNG = { center: -600, width: 1500 };

/** A folder that is removed at the end. */
export async function scratch(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'hilum-web-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A package whose base is the real one and whose head is random (seeded); it abstains always or never. */
export async function writeModel(dir: string, { abstains }: { readonly abstains: boolean }): Promise<void> {
  const tf = await loadEngine();
  const weights = await readBaseWeights(await baseWeightsPath());
  const shape = { inputSize: INPUT_SIZE, cut: 'head' } as const;
  const frozen = buildFrozen(tf, weights, shape);
  const tail = buildTail(tf, weights, { ...shape, classes: 2, headUnits: HEAD_UNITS, dropout: 0, seed: 11 });
  tf.tidy(() => {
    const kernel = tf.randomUniform([HEAD_UNITS, 2], -0.02, 0.02, 'float32', 5);
    tail.getLayer('logits').setWeights([kernel, tf.zeros([2])]);
  });
  const model = joinModel(tf, frozen, tail);
  const decision = Buffer.from(JSON.stringify(decisionOf(abstains)));
  try {
    await writePackage(
      dir,
      tf,
      model,
      {
        labels: ['benign', 'malignant'],
        positiveLabel: 'malignant',
        contract: defaultContract('grey', INPUT_SIZE, LUNG),
        metrics: { 'test/auc_roc': 0.5 },
        baseWeightsSha256: BASE_WEIGHTS_SHA256,
        createdAt: '2026-01-02T03:04:05.000Z',
      },
      { 'training/decision.json': decision },
    );
  } finally {
    for (const part of [frozen, tail, model]) part.dispose();
  }
}

function decisionOf(abstains: boolean): Decision {
  const none = { notDefined: 'not in this test' };
  const level = {
    operatingPoint: {
      threshold: 0.25,
      chosenBy: { rule: 'sensitivity', atLeast: 0.95 },
      sensitivity: 0.951,
      specificity: 0.712,
    },
    temperature: { temperature: 0.5, nllBefore: 0.7, nllAfter: 0.6, samples: 9, atLimit: false },
    // Both labels stay in the set where it is nearly 1.
    conformal: abstains ? { alpha: 0.1, threshold: 0.999, samples: 9 } : none,
    shortcuts: {},
    aucRoc: {},
  } as const;
  return {
    version: 1,
    note: 'Research use only, not for diagnosis.',
    labels: ['benign', 'malignant'],
    positiveLabel: 'malignant',
    rule: { rule: 'sensitivity', atLeast: 0.95 },
    chosenOn: { part: 'validation', images: 9, units: 9, patients: 9 },
    aggregation: {
      unit: 'mean',
      patient: { of: 'units', rule: 'mean' },
      chosenBy: 'request',
      candidates: [],
    },
    levels: { image: level, unit: level, patient: level },
  };
}

/** Started, and ready. */
export async function serve(
  model: string,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  const settings = {
    HILUM_MODEL_URI: model,
    HILUM_HOST: '127.0.0.1',
    HILUM_PORT: '0',
    HILUM_LOG_LEVEL: 'silent',
    ...env,
  };
  const server = await start(readConfig(settings));
  await server.ready;
  return server;
}

const DATA = resolve(import.meta.dirname, '../..', process.env['HILUM_DATA'] ?? '../shared/data');

/** Why tests on real images are skipped, where they are. */
export const DATA_ABSENT = existsSync(DATA) ? false : `no images at ${DATA}; set HILUM_DATA`;

/** Where a real image lies. */
export function imagePath(name: keyof typeof IMAGES): string {
  return join(DATA, IMAGES[name]);
}

/** Neighbouring slices of one series. */
export function seriesPaths(): readonly string[] {
  return Array.from({ length: 6 }, (_, at) => join(DATA, `dicom/series-LungFCP-01-0001/1-0${28 + at}.dcm`));
}

export async function imageBytes(name: keyof typeof IMAGES): Promise<Buffer> {
  return readFile(imagePath(name));
}

const IMAGES = {
  chest: 'dicom/series-LungFCP-01-0001/1-030.dcm',
  head: 'dicom/out-of-domain/CT2_head_j2k-lossless_4.90.dcm',
  picture: 'iq-oth-nccd/malignant/Malignant case (1).jpg',
} as const;
