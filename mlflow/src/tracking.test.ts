import { startMlflow, type MlflowServer } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMlflow, type MlflowClient, type Run } from './index.ts';

let server: MlflowServer;
let mlflow: MlflowClient;
let experimentId: string;

beforeAll(async () => {
  server = await startMlflow();
  mlflow = createMlflow({ baseUrl: server.url });
  experimentId = await mlflow.ensureExperiment('lung');
});
afterAll(async () => {
  await server?.stop();
});

const newRun = (tags: Record<string, string> = {}, startTimeMs = 1_700_000_000_000): Promise<Run> =>
  mlflow.createRun({ experimentId, name: 'first', tags, startTimeMs });

describe('tracking against the real MLflow', () => {
  it('tells the version', async () => {
    expect(await mlflow.ping()).toEqual({ version: '3.17.2' });
  });

  it('gives one experiment to all who ask for the same name at once', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => mlflow.ensureExperiment('shared')));
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).not.toBe(experimentId);
  });

  it('says when the experiment of that name was deleted', async () => {
    const id = await mlflow.ensureExperiment('gone');
    await fetch(`${server.url}/api/2.0/mlflow/experiments/delete`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ experiment_id: id }),
    });
    await expect(mlflow.ensureExperiment('gone')).rejects.toMatchObject({ code: 'EXPERIMENT_DELETED' });
  });

  it('keeps what a run was created with', async () => {
    const run = await newRun({ 'hilum.trainingrun.name': 'demo' });
    expect(run).toMatchObject({
      experimentId,
      status: 'RUNNING',
      startTimeMs: 1_700_000_000_000,
      metrics: {},
    });
    expect(run.tags).toMatchObject({ 'hilum.trainingrun.name': 'demo', 'mlflow.runName': 'first' });
    expect(run.artifactUri).toBe(`mlflow-artifacts:/${experimentId}/${run.runId}/artifacts`);
    expect(await mlflow.getRun(run.runId)).toEqual(run);
  });

  it('throws the code of the server for an unknown run', async () => {
    const want = { code: 'RESOURCE_DOES_NOT_EXIST', status: 404, retryable: false };
    await expect(mlflow.getRun('0123456789abcdef0123456789abcdef')).rejects.toMatchObject(want);
  });

  it.each(['b1946ac9-uid', "it's", 'a "word"'])('finds the newest run by a tag of value %j', async (uid) => {
    await newRun({ 'hilum.trainingrun.uid': uid }, 1000);
    const newer = await newRun({ 'hilum.trainingrun.uid': uid }, 3000);
    await newRun({ 'hilum.trainingrun.uid': uid }, 2000);
    expect((await mlflow.findRunByTag(experimentId, 'hilum.trainingrun.uid', uid))?.runId).toBe(newer.runId);
  });

  it('finds no run where none has the tag', async () => {
    expect(await mlflow.findRunByTag(experimentId, 'hilum.trainingrun.uid', 'nobody')).toBeUndefined();
  });

  it('delivers 2,500 metrics, 150 parameters and 150 tags of one call', async () => {
    const { runId } = await newRun();
    const metrics = Array.from({ length: 2500 }, (_, step) => {
      return { key: 'train/loss', value: step / 7, timestampMs: 1_700_000_000_000 + step, step };
    });
    const params = Object.fromEntries(
      Array.from({ length: 150 }, (_, index) => [`p${index}`, String(index)]),
    );
    const tags = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`t${index}`, String(index)]));
    await mlflow.logBatch(runId, { metrics, params, tags });

    const history = await mlflow.metricHistory(runId, 'train/loss');
    expect(history).toEqual(metrics.map(({ value, step, timestampMs }) => ({ value, step, timestampMs })));
    const run = await mlflow.getRun(runId);
    expect(run.params).toEqual(params);
    expect(run.tags).toMatchObject(tags);
    expect(run.metrics).toEqual({ 'train/loss': 2499 / 7 });
  });

  it('stores once what is logged twice, as after a lost answer', async () => {
    const { runId } = await newRun();
    const data = {
      metrics: [{ key: 'val/auc_roc', value: 0.875, timestampMs: 1_700_000_000_000, step: 1 }],
      params: { epochs: '20' },
      tags: { 'hilum.attempt': '1' },
    };
    await mlflow.logBatch(runId, data);
    await mlflow.logBatch(runId, data);
    expect(await mlflow.metricHistory(runId, 'val/auc_roc')).toEqual([
      { value: 0.875, step: 1, timestampMs: 1_700_000_000_000 },
    ]);
  });

  it('refuses to change a parameter', async () => {
    const { runId } = await newRun();
    await mlflow.logBatch(runId, { params: { epochs: '20' } });
    const change = mlflow.logBatch(runId, { params: { epochs: '21' } });
    await expect(change).rejects.toMatchObject({ code: 'INVALID_PARAMETER_VALUE', retryable: false });
  });

  it('keeps a metric that is not a number', async () => {
    const { runId } = await newRun();
    await mlflow.logBatch(runId, {
      metrics: [{ key: 'val/auc_roc', value: Number.NaN, timestampMs: 1, step: 1 }],
    });
    expect((await mlflow.getRun(runId)).metrics).toEqual({ 'val/auc_roc': Number.NaN });
  });

  it('has no history for an unknown metric', async () => {
    const { runId } = await newRun();
    expect(await mlflow.metricHistory(runId, 'nothing')).toEqual([]);
  });

  it('records the DVC digest of the dataset once, however often it is told', async () => {
    const { runId } = await newRun();
    const digest = 'd41d8cd98f00b204e9800998ecf8427e.dir';
    const dataset = { name: 'ct', digest, sourceType: 'dvc', source: 'http://dvc.example/store' };
    await mlflow.logDataset(runId, dataset);
    await mlflow.logDataset(runId, dataset);
    const answer = await fetch(`${server.url}/api/2.0/mlflow/runs/get?run_id=${runId}`);
    expect(await answer.json()).toMatchObject({
      run: {
        inputs: {
          dataset_inputs: [
            {
              dataset: { name: 'ct', digest, source_type: 'dvc', source: 'http://dvc.example/store' },
              tags: [{ key: 'mlflow.data.context', value: 'training' }],
            },
          ],
        },
      },
    });
  });

  it('ends a run', async () => {
    const { runId } = await newRun();
    await mlflow.updateRun(runId, { status: 'FAILED', endTimeMs: 1_700_000_009_000 });
    expect(await mlflow.getRun(runId)).toMatchObject({ status: 'FAILED', endTimeMs: 1_700_000_009_000 });
  });

  it('creates 40 runs that are asked for at once', async () => {
    const runs = await Promise.all(Array.from({ length: 40 }, () => newRun({ 'hilum.test': 'many' })));
    expect(new Set(runs.map(({ runId }) => runId)).size).toBe(40);
  });
});
