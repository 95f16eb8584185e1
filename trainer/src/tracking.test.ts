/** Runs that end in a real MLflow: tracked, registered, repeated, refused, killed. */
import { join } from 'node:path';
import { startMlflow, type MlflowServer } from '@hilum/hack';
import { createMlflow, type MlflowClient } from '@hilum/mlflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aRecipe, aRun } from '../test/runs.ts';
import { scratchDir } from '../test/scratch.ts';
import { datasetMd5 } from './dvc/push.ts';
import type { TrainOptions } from './options.ts';
import { writePhantomStudies } from './phantom/studies.ts';
import { train } from './train.ts';

const scratch = scratchDir('tracking');
const data = join(scratch, 'phantom');
let server: MlflowServer;
let mlflow: MlflowClient;

beforeAll(async () => {
  await writePhantomStudies({ dir: data, patients: 12, slices: 1, seed: 7 });
  server = await startMlflow();
  mlflow = createMlflow({ baseUrl: server.url });
});
afterAll(() => server.stop());

function trackedRun(uid: string, model: string, changes: Partial<TrainOptions> = {}): Promise<TrainOptions> {
  return aRun(scratch, data, {
    preprocessing: { inputSize: 32 },
    ...aRecipe({ hyperparameters: { epochs: 2, batchSize: 8, learningRate: 0.001, seed: 7 } }),
    tracking: {
      mlflow,
      experiment: 'trainer-test',
      runName: 'lung',
      trainingRun: { name: 'lung', namespace: 'team-a', uid },
    },
    registration: { model, alias: 'champion' },
    ...changes,
  });
}

describe('a tracked run', () => {
  it('leaves parameters, metrics per epoch, dataset, files, version and alias', async () => {
    const result = await train(await trackedRun('uid-1', 'lung-a'));
    const runId = result.run?.runId ?? '';
    const run = await mlflow.getRun(runId);
    expect(run).toMatchObject({
      status: 'FINISHED',
      tags: {
        'hilum.trainingrun.uid': 'uid-1',
        'hilum.trainingrun.name': 'lung',
        'hilum.trainingrun.namespace': 'team-a',
        'hilum.digest': result.digest,
        'hilum.domain': 'chest-ct',
      },
      params: {
        'dataset.md5': await datasetMd5(data),
        'dataset.kind': 'hu',
        'hyperparameters.epochs': '2',
        'model.trainableFrom': 'head',
        'split.seed': '7',
        positiveLabel: 'malignant',
      },
      metrics: {
        'test/accuracy': result.evaluation.accuracy,
        'test/auc_roc': result.evaluation.aucRoc,
        epoch: 2,
      },
    });
    for (const key of ['train/loss', 'val/loss', 'val/accuracy', 'val/auc_roc', 'epoch']) {
      expect((await mlflow.metricHistory(runId, key)).map((point) => point.step)).toEqual([1, 2]);
    }
    const files = (await mlflow.listArtifacts(runId)).map((artifact) => artifact.path);
    expect(files).toEqual(
      expect.arrayContaining(['assessment.json', 'evaluation.json', 'model', 'split.json']),
    );

    const version = await mlflow.resolveModel('models:/lung-a@champion');
    expect(version).toMatchObject({
      version: '1',
      runId,
      tags: { 'hilum.digest': result.digest, 'hilum.trainingrun.uid': 'uid-1' },
    });
    expect(result.model).toEqual({ name: 'lung-a', version: '1', digest: result.digest, alias: 'champion' });
  });

  it('is gone on with by a retry: same run, same version, nothing computed, no point twice', async () => {
    const before = await train(await trackedRun('uid-2', 'lung-b'));
    const computed: string[] = [];
    const again = await train(
      await trackedRun('uid-2', 'lung-b', { onEvent: (event) => computed.push(event.type) }),
    );
    expect(again).toMatchObject({
      run: before.run,
      model: before.model,
      evaluation: before.evaluation,
      dataset: before.dataset,
      digest: before.digest,
    });
    expect(computed).toEqual(['dataset', 'run', 'registered']);
    await expect(mlflow.getModelVersion('lung-b', '2')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    const runId = before.run?.runId ?? '';
    expect(await mlflow.metricHistory(runId, 'train/loss')).toHaveLength(2);
    expect((await mlflow.getRun(runId)).status).toBe('FINISHED');
  });

  it('is KILLED when told to end in the middle, and its retry finishes the same run without a point twice', async () => {
    const stop = new AbortController();
    let runId = '';
    const killed = train(
      await trackedRun('uid-3', 'lung-c', {
        signal: stop.signal,
        onEvent: (event) => {
          if (event.type === 'run') ({ runId } = event);
          if (event.type === 'epoch' && event.epoch === 2) stop.abort(new Error('told to end'));
        },
      }),
    );
    await expect(killed).rejects.toThrow('told to end');
    expect((await mlflow.getRun(runId)).status).toBe('KILLED');
    const first = await mlflow.metricHistory(runId, 'train/loss');
    expect(first).toHaveLength(1);

    const result = await train(await trackedRun('uid-3', 'lung-c'));
    expect(result.run?.runId).toBe(runId);
    expect((await mlflow.getRun(runId)).status).toBe('FINISHED');
    const history = await mlflow.metricHistory(runId, 'train/loss');
    expect(history.map((point) => point.step)).toEqual([1, 2]);
    expect(history[0]).toEqual(first[0]);
  });

  it('is registered but gets no alias below the gate', async () => {
    const options = await trackedRun('uid-4', 'lung-d', {
      // Nothing reaches more than 1.
      registration: { model: 'lung-d', alias: 'champion', gate: { minAucRoc: 1.5 } },
    });
    const result = await train(options);
    expect(result.gate).toMatchObject({
      passed: false,
      message: expect.stringMatching(/below the gate of 1.5/) as string,
    });
    expect(result.model).toEqual({ name: 'lung-d', version: '1', digest: result.digest });
    expect(await mlflow.getModelVersionByAlias('lung-d', 'champion')).toBeUndefined();
    expect((await mlflow.getRun(result.run?.runId ?? '')).status).toBe('FINISHED');
  });

  it('moves the alias from an older version to the one that passed', async () => {
    const registration = { model: 'lung-e', alias: 'champion', gate: { minAucRoc: 0 } };
    await train(await trackedRun('uid-5', 'lung-e', { registration }));
    await train(await trackedRun('uid-6', 'lung-e', { registration }));
    expect(await mlflow.resolveModel('models:/lung-e@champion')).toMatchObject({ version: '2' });
  });

  it('is compared with the model under the alias, on the images that both were tested on', async () => {
    const registration = {
      model: 'lung-h',
      alias: 'champion',
      gate: { notBelowChampion: { margin: 1 } },
    };
    const first = await train(await trackedRun('uid-9', 'lung-h', { registration }));
    expect(first.gate.gates).toMatchObject([
      { name: 'notBelowChampion', message: 'there is no champion to compare with' },
    ]);
    const again = aRecipe({ hyperparameters: { epochs: 1, batchSize: 8, seed: 8 } });
    const second = await train(await trackedRun('uid-10', 'lung-h', { registration, ...again }));
    expect(second.details?.assessment.levels.image.champion).toMatchObject({
      name: 'lung-h/1',
      samples: second.evaluation.samples,
    });
    const [gate] = second.gate.gates;
    const champion = first.details?.assessment.levels.image.aucRoc as { readonly value: number };
    expect(gate?.value).toBeCloseTo(second.evaluation.aucRoc - champion.value, 12);
    const run = await mlflow.getRun(second.run?.runId ?? '');
    expect(JSON.parse(run.tags['hilum.gate'] ?? '')).toEqual(second.gate);
    expect(run.metrics['test/unit/auc_roc']).toBeDefined();
  });

  it('is not compared with one that was tested on other images, and says so', async () => {
    const registration = { model: 'lung-i', alias: 'champion' };
    await train(await trackedRun('uid-11', 'lung-i', { registration }));
    const other = join(scratch, 'other');
    await writePhantomStudies({ dir: other, patients: 12, slices: 1, seed: 9 });
    const notes: string[] = [];
    const result = await train(
      await trackedRun('uid-12', 'lung-i', {
        registration,
        dataDir: other,
        onEvent: (event) => event.type === 'champion' && notes.push(event.note),
      }),
    );
    expect(result.details?.assessment.levels.image.champion).toBeUndefined();
    expect(notes).toEqual([expect.stringContaining('it was tested on another dataset')]);
  });

  it('is FAILED where an error ended it', async () => {
    let runId = '';
    const failing = train(
      await trackedRun('uid-7', 'lung-f', {
        baseWeights: join(scratch, 'absent'),
        onEvent: (event) => event.type === 'run' && ({ runId } = event),
      }),
    );
    await expect(failing).rejects.toMatchObject({ code: 'WEIGHTS_MISSING' });
    expect((await mlflow.getRun(runId)).status).toBe('FAILED');
  });

  it('says TRACKING_UNREACHABLE where nobody answers', async () => {
    const nowhere = createMlflow({ baseUrl: 'http://127.0.0.1:1' });
    const options = await trackedRun('uid-8', 'lung-g', {
      tracking: { mlflow: nowhere, experiment: 'x', runName: 'x' },
    });
    await expect(train(options)).rejects.toMatchObject({
      code: 'TRACKING_UNREACHABLE',
      exitCode: 69,
      retryable: true,
    });
  });
});
