/** A real server on a port of its own, and slices that it takes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { defaultContract, writeCtSlice } from '@hilum/imaging';
import {
  BASE_WEIGHTS_SHA256,
  buildFrozen,
  buildTail,
  joinModel,
  loadEngine,
  readBaseWeights,
  writePackage,
} from '@hilum/model';
import { createLogger, readConfig, start, type RunningServer } from '@hilum/server';

export const INPUT_SIZE = 64;

/** A package whose base is the real one and whose head is not trained. */
export async function aPackage(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'hilum-client-'));
  const tf = await loadEngine();
  const weights = await readBaseWeights(await baseWeightsPath());
  const shape = { inputSize: INPUT_SIZE, cut: 'head' } as const;
  const frozen = buildFrozen(tf, weights, shape);
  const tail = buildTail(tf, weights, { ...shape, classes: 2, headUnits: 8, dropout: 0, seed: 3 });
  tf.tidy(() => {
    const kernel = tf.randomUniform([8, 2], -0.02, 0.02, 'float32', 5);
    tail.getLayer('logits').setWeights([kernel, tf.zeros([2])]);
  });
  await writePackage(path, tf, joinModel(tf, frozen, tail), {
    labels: ['benign', 'malignant'],
    positiveLabel: 'malignant',
    contract: defaultContract('hu', INPUT_SIZE),
    metrics: {},
    baseWeightsSha256: BASE_WEIGHTS_SHA256,
    createdAt: '2026-01-02T03:04:05.000Z',
  });
  return { path, [Symbol.asyncDispose]: async () => rm(path, { recursive: true, force: true }) };
}

export async function served(model: string, env: Record<string, string> = {}): Promise<RunningServer> {
  const config = readConfig({ HILUM_MODEL_URI: model, HILUM_PORT: '0', ...env });
  return start(config, { logger: createLogger('silent') });
}

/** HU by column: as if a small field of view lay over lung and chest wall. */
export function slice(instance = 1, wall = 70): Uint8Array {
  return drawn((column) => (column < wall ? -850 : 40), instance);
}

/** Of a water phantom: no lung is seen in it. */
export function water(): Uint8Array {
  return drawn(() => 0, 1);
}

function drawn(level: (column: number) => number, instance: number): Uint8Array {
  const [rows, columns] = [96, 96];
  return writeCtSlice({
    rows,
    columns,
    hu: Array.from({ length: rows * columns }, (_, at) => level(at % columns)),
    patientId: 'TEST-1',
    instance,
    position: [0, 0, instance],
    pixelSpacing: [1, 1],
    sliceThickness: 1,
  });
}
