/** The same calls, held to each kind of server; and what is done about what one of them lacks. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run as runCommand, startTokenFront } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, SERVERS, TOKEN, type Held } from '../test/servers.ts';
import { createMlflow, type MlflowClient } from './index.ts';

const DIGEST = 'd41d8cd98f00b204e9800998ecf8427e.dir';
const NAMES = Object.keys(SERVERS) as (keyof typeof SERVERS)[];

let held: Record<keyof typeof SERVERS, Held>;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'hilum-contract-'));
  const started = await Promise.all(NAMES.map(async (name) => [name, await SERVERS[name]()] as const));
  held = Object.fromEntries(started) as typeof held;
});
afterAll(async () => {
  await Promise.all(Object.values(held ?? {}).map((server) => server.stop()));
  await rm(scratch, { recursive: true, force: true });
});

/** A run with a package of two files, as every test about models needs it. */
async function aPackagedRun(mlflow: MlflowClient): Promise<Awaited<ReturnType<MlflowClient['createRun']>>> {
  const experimentId = await mlflow.ensureExperiment('lung');
  const run = await mlflow.createRun({ experimentId, name: 'first', startTimeMs: 1_700_000_000_000 });
  const dir = join(scratch, run.runId);
  await mkdir(join(dir, 'tfjs'), { recursive: true });
  await writeFile(join(dir, 'MLmodel'), 'flavors: {}\n');
  await writeFile(join(dir, 'tfjs', 'weights.bin'), Buffer.alloc(300_000, 7));
  await mlflow.uploadDirectory(run, 'model', dir);
  return run;
}

describe.each(NAMES)('%s', (name) => {
  const client = (): MlflowClient => held[name].mlflow;

  it('takes parameters, tags and more metrics than fit one request, and gives them back in order', async () => {
    const mlflow = client();
    const { experimentId, runId } = await aPackagedRun(mlflow);
    const metrics = Array.from({ length: 1500 }, (_, index) => {
      return {
        key: 'train/loss',
        value: 1 / (index + 1),
        step: index,
        timestampMs: 1_700_000_000_000 + index,
      };
    });
    const params = Object.fromEntries(Array.from({ length: 120 }, (_, at) => [`p${at}`, 'x'.repeat(200)]));
    const data = { metrics, params, tags: { 'hilum.trial.index': '3', 'mlflow.parentRunId': runId } };
    await mlflow.logBatch(runId, data);
    await mlflow.logBatch(runId, data);
    expect(await mlflow.metricHistory(runId, 'train/loss')).toEqual(
      metrics.map(({ value, step, timestampMs }) => ({ value, step, timestampMs })),
    );
    expect((await mlflow.getRun(runId)).params).toEqual(params);
    const wanted = { 'mlflow.parentRunId': runId, 'hilum.trial.index': '3' };
    expect((await mlflow.findRun(experimentId, wanted))?.runId).toBe(runId);
    expect(await mlflow.findRun(experimentId, { ...wanted, 'hilum.trial.index': '4' })).toBeUndefined();
  });

  it('takes 24 runs at once', async () => {
    const mlflow = client();
    const experimentId = await mlflow.ensureExperiment('many');
    const runs = await Promise.all(
      Array.from({ length: 24 }, (_, at) =>
        mlflow.createRun({ experimentId, name: `run ${at}`, startTimeMs: 1_700_000_000_000 }),
      ),
    );
    expect(new Set(runs.map(({ runId }) => runId)).size).toBe(24);
  });

  it('shows a new experiment as one of training, not of language models', async () => {
    const experimentId = await client().ensureExperiment('kinds');
    const script = 'import sys, json, mlflow; print(json.dumps(mlflow.get_experiment(sys.argv[1]).tags))';
    expect(await asked(held[name], script, experimentId)).toMatchObject({
      'mlflow.experimentKind': 'custom_model_development',
    });
  });

  it('takes a DVC dataset as an input, and ends the run', async () => {
    const mlflow = client();
    const { runId } = await aPackagedRun(mlflow);
    await mlflow.logDataset(runId, { name: 'ct', digest: DIGEST, sourceType: 'dvc', source: 's3://ct' });
    await mlflow.updateRun(runId, { status: 'FINISHED', endTimeMs: 1_700_000_100_000 });
    expect(await mlflow.getRun(runId)).toMatchObject({ status: 'FINISHED', endTimeMs: 1_700_000_100_000 });
  });

  it('registers a version once, moves its alias, and gives its files back', async () => {
    const mlflow = client();
    const run = await aPackagedRun(mlflow);
    await mlflow.ensureRegisteredModel('lung');
    await mlflow.ensureRegisteredModel('lung');
    const wanted = {
      name: 'lung',
      source: `${run.artifactUri}/model`,
      runId: run.runId,
      tags: { 'hilum.digest': 'sha256:aa' },
    };
    const first = await mlflow.createModelVersion(wanted);
    expect(await mlflow.createModelVersion(wanted)).toEqual(first);
    expect(await mlflow.getModelVersionByAlias('lung', 'champion')).toBeUndefined();
    await mlflow.setAlias('lung', 'champion', first.version);
    const version = await mlflow.resolveModel('models:/lung@champion');
    expect(version).toMatchObject({ version: first.version, tags: { 'hilum.digest': 'sha256:aa' } });
    const into = join(scratch, `${run.runId}-back`);
    await mlflow.downloadModel(version, into);
    expect(await readFile(join(into, 'tfjs', 'weights.bin'))).toEqual(Buffer.alloc(300_000, 7));
    await expect(mlflow.resolveModel('models:/lung@nobody')).rejects.toMatchObject({
      code: 'ALIAS_NOT_FOUND',
    });
    await expect(mlflow.resolveModel('models:/nothing/1')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it('shows the folder of a run as a model', async () => {
    const mlflow = client();
    const { runId } = await aPackagedRun(mlflow);
    const note = {
      artifactPath: 'model',
      modelUuid: 'u1',
      createdAtMs: 1_700_000_000_000,
      flavors: ['onnx'],
    };
    await mlflow.noteModel(runId, note);
    const history: unknown = JSON.parse(
      (await mlflow.getRun(runId)).tags['mlflow.log-model.history'] ?? '[]',
    );
    expect(history).toMatchObject([{ artifact_path: 'model', run_id: runId, flavors: { onnx: {} } }]);
  });
});

describe.each(NAMES.filter((name) => name.includes('3.17')))('%s', (name) => {
  it('says that it can do all', async () => {
    expect(await held[name].mlflow.capabilities()).toEqual({
      version: '3.17.2',
      serverInfo: true,
      loggedModels: true,
      datasets: true,
      registry: true,
      aliases: true,
      notes: [],
    });
  });

  it('ties a figure to a model and the dataset that it was measured on, however often it is told', async () => {
    const { mlflow } = held[name];
    const { experimentId, runId } = await aPackagedRun(mlflow);
    await mlflow.logDataset(runId, { name: 'ct', digest: DIGEST, sourceType: 'dvc', source: 's3://ct' });
    const told = async (): Promise<string> => {
      const wanted = { experimentId, runId, name: 'lung', tags: { 'hilum.digest': 'sha256:aa' } };
      const { modelId } = await mlflow.ensureLoggedModel(wanted);
      const figure = { key: 'test/auc_roc', value: 0.91, step: 4, timestampMs: 1_700_000_050_000 };
      const dataset = { name: 'ct', digest: DIGEST };
      await mlflow.logBatch(runId, { metrics: [{ ...figure, modelId, dataset }] });
      await mlflow.finishLoggedModel(modelId);
      await mlflow.logOutput(runId, modelId, 4);
      return modelId;
    };
    const modelId = await told();
    expect(await told()).toBe(modelId);
    expect(await mlflow.metricHistory(runId, 'test/auc_roc')).toHaveLength(1);
    expect(await asked(held[name], LOGGED_MODEL, modelId)).toEqual({
      status: 'READY',
      run: runId,
      tags: { 'hilum.digest': 'sha256:aa' },
      figures: [['test/auc_roc', 0.91, 'ct', DIGEST]],
      outputs: [modelId],
    });
  });
});

describe('MLflow 3.17 on PostgreSQL with a password', () => {
  const name = 'MLflow 3.17 on PostgreSQL with a password';

  it.each([
    { what: 'no password', options: {} },
    { what: 'a wrong password', options: { username: 'admin', password: 'not the password of it' } },
  ])('refuses $what with UNAUTHENTICATED, also when asked what it can do', async ({ options }) => {
    const stranger = createMlflow({ baseUrl: held[name].mlflow.baseUrl, ...options });
    const want = { code: 'UNAUTHENTICATED', retryable: false };
    await expect(stranger.ensureExperiment('lung')).rejects.toMatchObject(want);
    await expect(stranger.capabilities()).rejects.toMatchObject(want);
  });
});

describe('MLflow 2.7 behind the token of a DagsHub', () => {
  const name = 'MLflow 2.7 behind the token of a DagsHub';

  it('is found to be without logged models, and with the rest', async () => {
    expect(await held[name].mlflow.capabilities()).toEqual({
      version: '2.7.1',
      serverInfo: false,
      loggedModels: false,
      datasets: true,
      registry: true,
      aliases: true,
      notes: [expect.stringContaining('logged models') as string],
    });
  });

  it('refuses the token in any other form', async () => {
    const { baseUrl } = held[name].mlflow;
    const bearer = createMlflow({ baseUrl, token: TOKEN });
    await expect(bearer.ping()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it.each([
    {
      what: 'without a registry',
      without: ['/api/2.0/mlflow/registered-models', '/api/2.0/mlflow/model-versions'],
      found: { registry: false, aliases: false, datasets: true },
      notes: 2,
      refused: { code: 'REGISTRY_MISSING', message: /has no model registry; use a server that has one/ },
    },
    {
      what: 'without aliases',
      without: ['/api/2.0/mlflow/registered-models/alias'],
      found: { registry: true, aliases: false, datasets: true },
      notes: 2,
      refused: {
        code: 'ALIASES_MISSING',
        message: /use MLflow 2.3 or newer, or name a version by its number/,
      },
    },
    {
      what: 'without datasets, version and registry',
      without: ['/api/2.0/mlflow/runs/log-inputs', '/version', '/api/2.0/mlflow/registered-models'],
      found: { registry: false, aliases: false, datasets: false, version: 'unknown' },
      notes: 3,
      refused: { code: 'REGISTRY_MISSING', message: /register nothing/ },
    },
  ])('says what is missing $what, and still takes a run with its files', async (hosted) => {
    const front = await startTokenFront(held[name].url, TOKEN, hosted.without);
    try {
      const mlflow = createMlflow({ baseUrl: front.url, token: TOKEN, profile: 'dagshub' });
      const found = await mlflow.capabilities();
      expect(found).toMatchObject(hosted.found);
      expect(found.notes).toHaveLength(hosted.notes);
      const { runId } = await aPackagedRun(mlflow);
      await mlflow.updateRun(runId, { status: 'FINISHED', endTimeMs: 1_700_000_100_000 });
      expect((await mlflow.listArtifacts(runId)).map(({ path }) => path)).toEqual(['model']);
      const aliased = mlflow
        .ensureRegisteredModel('lung')
        .then(() => mlflow.setAlias('lung', 'champion', '1'));
      await expect(aliased).rejects.toMatchObject({
        code: hosted.refused.code,
        message: expect.stringMatching(hosted.refused.message) as string,
        retryable: false,
      });
    } finally {
      await front.stop();
    }
  });
});

/** What MLflow's own client sees. */
async function asked({ url, python }: Held, script: string, ...args: string[]): Promise<unknown> {
  const env = {
    MLFLOW_TRACKING_URI: url,
    MLFLOW_TRACKING_USERNAME: ADMIN.username,
    MLFLOW_TRACKING_PASSWORD: ADMIN.password,
  };
  const { stdout } = await runCommand(python, ['-c', script, ...args], { cwd: scratch, env });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown;
}

const LOGGED_MODEL = `
import json, sys, mlflow
model = mlflow.get_logged_model(sys.argv[1])
run = mlflow.get_run(model.source_run_id)
print(json.dumps({
  'status': str(model.status.value), 'run': model.source_run_id, 'tags': model.tags,
  'figures': [[m.key, m.value, m.dataset_name, m.dataset_digest] for m in model.metrics],
  'outputs': [o.model_id for o in run.outputs.model_outputs],
}))
`;
