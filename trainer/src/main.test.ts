/** The process that runs in the pod, against a real MLflow that is the dataset's remote as well. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { trainerReportSchema, type TrainerReport } from '@hilum/crds';
import { baseWeightsPath, imagenetOnnxPath, sha256File, startMlflow, type MlflowServer } from '@hilum/hack';
import { createMlflow } from '@hilum/mlflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DICOM, PNG, scratchDir, writeTree } from '../test/scratch.ts';
import { pushDataset } from './dvc/push.ts';
import { writePhantomStudies } from './phantom/studies.ts';

const scratch = scratchDir('main');
let server: MlflowServer;
let remote: string;
let md5: string;

beforeAll(async () => {
  const dir = join(scratch, 'phantom');
  await writePhantomStudies({ dir, patients: 12, slices: 1, seed: 7 });
  server = await startMlflow();
  remote = `${server.url}/api/2.0/mlflow-artifacts/artifacts/dvc`;
  ({ md5 } = await pushDataset({ dir, remote }));
});
afterAll(() => server.stop());

interface Config {
  readonly [key: string]: unknown;
  readonly dataset: { readonly remote: string; readonly md5: string };
}

function config(uid: string, changes: Readonly<Record<string, unknown>> = {}): Config {
  return {
    run: { name: 'lung', namespace: 'team-a', uid },
    dataset: { remote, md5 },
    preprocessing: { inputSize: 32 },
    model: {},
    hyperparameters: { epochs: 2, batchSize: 8 },
    augmentation: {},
    tracking: { uri: server.url, experiment: 'pods' },
    registration: { model: `lung-${uid}`, gate: { minAucRoc: '0' } },
    ...changes,
  };
}

interface Ending {
  readonly exitCode: number | null;
  readonly report: TrainerReport;
  readonly log: readonly { readonly event: string; readonly [key: string]: unknown }[];
}

let pods = 0;

/** One pod: an empty work folder, a termination log, the configuration in the environment. */
async function pod(
  given: unknown,
  options: {
    readonly env?: Record<string, string>;
    readonly onLine?: (line: string, kill: () => void) => void;
  } = {},
): Promise<Ending> {
  pods += 1;
  const workDir = join(scratch, `pod-${pods}`);
  const terminationLog = join(workDir, 'termination-log');
  await mkdir(workDir, { recursive: true });
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      HILUM_TRAINER_CONFIG: typeof given === 'string' ? given : JSON.stringify(given),
      HILUM_WORK_DIR: workDir,
      HILUM_BASE_WEIGHTS: await baseWeightsPath(),
      HILUM_TERMINATION_LOG: terminationLog,
      HILUM_TRACKING_WAIT_SECONDS: '1',
      ...options.env,
    },
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    options.onLine?.(chunk.toString(), () => child.kill('SIGTERM'));
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const bytes = await readFile(terminationLog);
  expect(bytes.length).toBeLessThanOrEqual(4096);
  const report = trainerReportSchema.parse(JSON.parse(bytes.toString()));
  const log = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Ending['log'][number]);
  await rm(join(workDir, 'features'), { recursive: true, force: true });
  return { exitCode, report, log };
}

describe('the trainer process', () => {
  it('pulls, trains, registers, reports and ends with 0', async () => {
    const { exitCode, report, log } = await pod(config('ok'));
    expect(exitCode).toBe(0);
    const mlflow = createMlflow({ baseUrl: server.url });
    const version = await mlflow.resolveModel('models:/lung-ok@champion');
    const run = await mlflow.getRun(version.runId);
    expect(report).toMatchObject({
      outcome: 'succeeded',
      runId: version.runId,
      experimentId: run.experimentId,
      dataset: { files: 12, patients: { train: 8, validation: 2, test: 2 } },
      evaluation: { accuracy: run.metrics['test/accuracy'], aucRoc: run.metrics['test/auc_roc'], samples: 2 },
      gate: { passed: true },
      model: { name: 'lung-ok', version: '1', alias: 'champion', digest: version.tags['hilum.digest'] },
    });
    expect(log.map((line) => line.event)).toEqual(
      expect.arrayContaining([
        'dataset pulled',
        'dataset',
        'run',
        'epoch',
        'evaluated',
        'registered',
        'done',
      ]),
    );
    expect(existsSync(join(scratch, 'pod-1/model/manifest.json'))).toBe(true);
    // Folder names are patients.
    expect(JSON.stringify(log)).not.toContain('SYNTHETIC-');
  });

  it.each([
    ['no JSON', '{'],
    ['an unknown field', { surprise: 1 }],
  ])('ends with 64 for a configuration that is %s', async (_, broken) => {
    const given = typeof broken === 'string' ? broken : config('bad', broken);
    const { exitCode, report } = await pod(given);
    expect(exitCode).toBe(64);
    expect(report).toMatchObject({ outcome: 'failed', code: 'BAD_CONFIG', retryable: false });
  });

  it('ends with 65 for a dataset that is not there', async () => {
    const missing = { remote, md5: `${'0'.repeat(32)}.dir` };
    const { exitCode, report } = await pod(config('missing', { dataset: missing }));
    expect(exitCode).toBe(65);
    expect(report).toMatchObject({ code: 'DATASET_MISSING', retryable: false });
  });

  it('ends with 65 for DICOM and pictures in one dataset, and names examples', async () => {
    const dir = join(scratch, 'mixed');
    await writeTree(dir, { 'a/p1/1.dcm': DICOM, 'b/p2/1.png': PNG });
    const { md5: mixed } = await pushDataset({ dir, remote });
    const { exitCode, report } = await pod(config('mixed', { dataset: { remote, md5: mixed } }));
    expect(exitCode).toBe(65);
    expect(report).toMatchObject({
      code: 'MIXED_KINDS',
      message: expect.stringContaining('a/p1/1.dcm and b/p2/1.png') as string,
    });
  });

  it('ends with 69 where MLflow does not answer, before it pulls anything', async () => {
    const { exitCode, report, log } = await pod(
      config('down', { tracking: { uri: 'http://127.0.0.1:1', experiment: 'x' } }),
    );
    expect(exitCode).toBe(69);
    expect(report).toMatchObject({ code: 'TRACKING_UNREACHABLE', retryable: true });
    expect(log.map((line) => line.event)).toEqual(['failed']);
  });

  describe('with base weights at an address', () => {
    let http: Server;
    let address: string;
    let onnx: string;
    // Nothing but the address can bring the weights: the image has none.
    const env = { HILUM_BASE_WEIGHTS: join(scratch, 'no-weights-in-the-image') };

    beforeAll(async () => {
      onnx = await imagenetOnnxPath();
      http = createServer((request, response) => {
        if (request.url === '/vgg16.onnx') createReadStream(onnx).pipe(response);
        else response.end('not weights');
      }).listen(0, '127.0.0.1');
      await once(http, 'listening');
      address = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    });
    afterAll(() => void http.close());

    it('trains with what it fetched and converted', async () => {
      const baseWeights = { uri: `${address}/vgg16.onnx`, sha256: await sha256File(onnx) };
      const { exitCode, report } = await pod(config('fetched', { model: { baseWeights } }), { env });
      expect(report).toMatchObject({ outcome: 'succeeded' });
      expect(exitCode).toBe(0);
    });

    it('ends with 64 where they are not the ones asked for', async () => {
      const baseWeights = { uri: `${address}/vgg16.f32`, sha256: 'a'.repeat(64) };
      const { exitCode, report } = await pod(config('weights', { model: { baseWeights } }), { env });
      expect(exitCode).toBe(64);
      expect(report).toMatchObject({ code: 'WEIGHTS_DIGEST_MISMATCH' });
    });
  });

  it('goes on in the next pod from the checkpoint of one that was told to end, and MLflow has each epoch once', async () => {
    const epochs = 200;
    const given = config('resumed', {
      hyperparameters: { epochs, batchSize: 8 },
      checkpoint: { everySeconds: 5 },
    });
    const env = { HILUM_CHECKPOINT_DIR: join(scratch, 'volume') };
    let told = false;
    const first = await pod(given, {
      env,
      onLine: (line, kill) => {
        if (told || !line.includes('"event":"epoch"')) return;
        told = true;
        kill();
      },
    });
    expect(first.exitCode).toBe(143);
    const second = await pod(given, { env });
    expect(second.exitCode).toBe(0);
    const resumed = second.log.find((line) => line.event === 'resumed');
    expect(Number(resumed?.['epoch'])).toBeGreaterThanOrEqual(1);
    const trained = second.log.filter((line) => line.event === 'epoch').map((line) => line['epoch']);
    expect(trained[0]).toBe(resumed?.['epoch']);
    const runId = String(second.log.find((line) => line.event === 'run')?.['runId']);
    expect(runId).toBe(String(first.log.find((line) => line.event === 'run')?.['runId']));
    const history = await createMlflow({ baseUrl: server.url }).metricHistory(runId, 'epoch');
    expect(history.map(({ value }) => value)).toEqual(Array.from({ length: epochs }, (_, at) => at + 1));
  });

  it('takes its labels from a table in the dataset', async () => {
    const dir = join(scratch, 'tabled');
    await writePhantomStudies({ dir, patients: 12, slices: 1, seed: 7 });
    const files = (await readdir(dir, { recursive: true })).filter((name) => name.endsWith('.dcm'));
    const rows = files.map(
      (path) => `${path},${path.split('/')[0] === 'malignant' ? 'yes' : 'no'},${path.split('/')[1]}`,
    );
    await writeFile(join(dir, 'manifest.csv'), ['path,label,group', ...rows, ''].join('\n'));
    const { md5: pin } = await pushDataset({ dir, remote });
    const dataset = { remote, md5: pin, labels: { table: 'manifest.csv' } };
    const { exitCode, log } = await pod(config('tabled', { dataset }));
    expect(exitCode).toBe(0);
    expect(log.find((line) => line.event === 'dataset')).toMatchObject({ labels: ['no', 'yes'] });
  });

  it('told to end in the middle, marks the run KILLED and ends with 143', async () => {
    // Long enough that the signal finds it training.
    const long = config('killed', { hyperparameters: { epochs: 1000, batchSize: 8 } });
    let told = false;
    const { exitCode, report, log } = await pod(long, {
      onLine: (line, kill) => {
        if (told || !line.includes('"event":"epoch"')) return;
        told = true;
        kill();
      },
    });
    expect(exitCode).toBe(143);
    expect(report).toMatchObject({ outcome: 'failed', code: 'INTERRUPTED', retryable: true });
    const runId = String(log.find((line) => line.event === 'run')?.['runId']);
    const mlflow = createMlflow({ baseUrl: server.url });
    expect((await mlflow.getRun(runId)).status).toBe('KILLED');
    expect(log.at(-1)?.event).toBe('interrupted');
  });
});
