/** TrainingRuns on a real API server with a real Job controller and a real MLflow; the tests play the pods. */
import type { TrainingRunStatus } from '@hilum/crds';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findCondition } from '../kube/index.ts';
import { everyEnd } from '../test/crash.ts';
import { eventually, startHarness, type Harness, type RunningOperator } from '../test/harness.ts';
import { trainingRunLife } from '../test/lives.ts';
import { podEnds, podRuns } from '../test/pods.ts';
import { FINALIZER, jobName } from './names.ts';

let harness: Harness;
let operator: RunningOperator;
let name: string;
let count = 0;

beforeAll(async () => {
  harness = await startHarness();
});
afterAll(async () => {
  await harness?.down();
});
// First, while there are no other objects whose writes would be counted.
describe('an operator that is killed before any of its writes', () => {
  it('leads to the same end', async () => {
    const { ends, kills } = await everyEnd(harness, trainingRunLife(harness));
    // Finalizer, Job, at least two states, finalizer again.
    expect(kills).toBeGreaterThanOrEqual(5);
    expect(ends).toEqual([
      {
        conditions: [
          'Accepted True',
          'DatasetReady True',
          'Running False',
          'Evaluated True',
          'GatePassed True',
          'Registered True',
          'Succeeded True',
        ],
        model: 'lung/4',
        finalizers: [],
        jobs: 1,
        pods: 1,
      },
    ]);
  });
});

describe('a TrainingRun', () => {
  beforeEach(() => {
    name = `run-${(count += 1)}`;
    operator = harness.startOperator();
  });
  afterEach(async () => {
    harness.gate.open();
    await operator.stop();
  });

  it('ends in a registered model, with its progress on the way', async () => {
    const uid = await createRun();
    const pod = await itsPod();
    await podRuns(harness.api, pod, 'trainer');
    const { runId, experimentId } = await trackedRun(uid);
    await harness.mlflow.logBatch(runId, { metrics: epoch(1, 0.75) });
    await eventually(async () => {
      const { progress, tracking } = await status();
      expect(progress).toMatchObject({ epoch: 1, epochs: 2, summary: '1/2', aucRoc: '0.75' });
      expect(tracking).toMatchObject({ runId, experimentId });
      expect(await reasons()).toMatchObject({
        DatasetReady: 'DatasetVerified',
        Running: 'Training',
        Succeeded: 'Training',
      });
    });
    expect(await finalizers()).toEqual([FINALIZER]);

    await podEnds(harness.api, pod, 'trainer', { exitCode: 0, message: success(runId, experimentId) });
    await eventually(async () => {
      expect(
        (await status()).conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
      ).toEqual([
        'Accepted True SpecAccepted',
        'DatasetReady True DatasetVerified',
        'Running False RunFinished',
        'Evaluated True Measured',
        'GatePassed True GateReached',
        'Registered True VersionCreated',
        'Succeeded True ModelReady',
      ]);
    });
    expect(await status()).toMatchObject({
      evaluation: { aucRoc: '0.9123456789', accuracy: '0.875', samples: 18, summary: '0.912' },
      model: { name: 'lung', version: '4', alias: 'champion', summary: 'lung/4' },
      dataset: { files: 90 },
    });
    await eventually(async () => {
      expect(await finalizers()).toEqual([]);
      expect((await harness.mlflow.getRun(runId)).status).toBe('FINISHED');
    });
    const events = await harness.api.list('events');
    const told = events
      .filter((event) => JSON.stringify(event['regarding']).includes(uid))
      .map((event) => event['reason']);
    expect(told).toEqual(expect.arrayContaining(['Training', 'ModelReady']));
  });

  it('fails at once with the trainer’s own code when the dataset is missing', async () => {
    const uid = await createRun();
    const pod = await itsPod();
    await podRuns(harness.api, pod, 'trainer');
    const { runId } = await trackedRun(uid);
    const report = {
      outcome: 'failed',
      code: 'DATASET_MISSING',
      message: 'the remote has no such md5',
      retryable: false,
    };
    await podEnds(harness.api, pod, 'trainer', { exitCode: 65, message: JSON.stringify(report) });
    await eventually(async () => {
      expect(await status()).toMatchObject({
        failure: { code: 'DATASET_MISSING', message: 'the remote has no such md5', exitCode: 65 },
      });
      expect(await reasons()).toMatchObject({ DatasetReady: 'DatasetMissing', Succeeded: 'DatasetMissing' });
      expect((await harness.mlflow.getRun(runId)).status).toBe('FAILED');
      expect(await finalizers()).toEqual([]);
    });
    expect(await itsPods()).toHaveLength(1);
  });

  it('says why its pod cannot be scheduled', async () => {
    await createRun();
    await eventually(async () => {
      const running = findCondition((await status()).conditions ?? [], 'Running');
      expect(running).toMatchObject({ status: 'False', reason: 'Unschedulable' });
      expect(running?.message).toContain('no nodes available');
    });
  });

  it('tries again after a failure that may pass, and names it meanwhile', async () => {
    await createRun();
    const first = await itsPod();
    await podEnds(harness.api, first, 'trainer', { exitCode: 137, reason: 'OOMKilled' });
    await eventually(async () => {
      expect(await status()).toMatchObject({ failure: { code: 'OOM_KILLED', exitCode: 137 } });
    });
  });

  it('is not started twice by an operator that was restarted in the middle', async () => {
    const uid = await createRun();
    await itsPod();
    const job = await harness.api.get('jobs', jobName({ name, uid }));
    await operator.stop();
    await harness.api.patch('trainingruns', name, { spec: { limits: { retries: 4 } } });
    operator = harness.startOperator();
    // Seen by the new operator, so it had its chance.
    await eventually(async () => {
      const now = await harness.api.get('jobs', jobName({ name, uid }));
      expect(now?.['spec']).toMatchObject({ backoffLimit: 4 });
      expect(now?.metadata.uid).toBe(job?.metadata.uid);
    });
    expect(await itsJobs()).toHaveLength(1);
    expect(await itsPods()).toHaveLength(1);
  });

  it('is over when its Job was deleted, also while the operator was away', async () => {
    const uid = await createRun();
    await eventually(async () => expect((await status()).jobName).toBe(jobName({ name, uid })));
    await operator.stop();
    await harness.api.remove('jobs', jobName({ name, uid }));
    await eventually(async () => expect(await itsJobs()).toEqual([]));
    operator = harness.startOperator();
    await eventually(async () => {
      expect(await reasons()).toMatchObject({ Succeeded: 'JobDeleted' });
      expect(await finalizers()).toEqual([]);
    });
    expect(await itsJobs()).toEqual([]);
  });

  it('stops while it is suspended', async () => {
    const uid = await createRun();
    await itsPod();
    await harness.api.patch('trainingruns', name, { spec: { suspend: true, limits: { retries: 5 } } });
    await eventually(async () => {
      const job = await harness.api.get('jobs', jobName({ name, uid }));
      expect(job?.['spec']).toMatchObject({ suspend: true, backoffLimit: 5 });
      expect(await reasons()).toMatchObject({ Running: 'Suspended', Succeeded: 'Suspended' });
      expect(await itsPods()).toEqual([]);
    });
    await harness.api.patch('trainingruns', name, { spec: { suspend: false } });
    await itsPod();
  });

  it('leaves no Job, no pod and no open MLflow run when it is deleted', async () => {
    const uid = await createRun();
    await podRuns(harness.api, await itsPod(), 'trainer');
    const { runId } = await trackedRun(uid);
    await harness.api.remove('trainingruns', name);
    await eventually(async () => {
      expect(await harness.api.get('trainingruns', name)).toBeUndefined();
      expect(await itsJobs()).toEqual([]);
      // No kubelet here to confirm the end of a pod.
      for (const pod of await itsPods())
        await harness.kubectl('delete', 'pod', pod, '--force', '--grace-period=0');
      expect(await itsPods()).toEqual([]);
    });
    expect((await harness.mlflow.getRun(runId)).status).toBe('KILLED');
  });

  it('goes on while MLflow is down, and says so', async () => {
    harness.gate.shut();
    await createRun();
    const pod = await itsPod();
    await podRuns(harness.api, pod, 'trainer');
    await eventually(async () => {
      const running = findCondition((await status()).conditions ?? [], 'Running');
      expect(running).toMatchObject({ status: 'True', reason: 'TrackingUnreachable' });
    });
    await podEnds(harness.api, pod, 'trainer', { exitCode: 0, message: success('r', '1') });
    await eventually(async () => expect(await reasons()).toMatchObject({ Succeeded: 'ModelReady' }));
    // The MLflow run is still to be closed.
    expect(await finalizers()).toEqual([FINALIZER]);
    harness.gate.open();
    await eventually(async () => expect(await finalizers()).toEqual([]));
  });
});

/** @returns its uid */
async function createRun(): Promise<string> {
  const { metadata } = await harness.api.create({
    apiVersion: 'hilum.dev/v1alpha1',
    kind: 'TrainingRun',
    metadata: { name },
    spec: {
      dataset: { remote: 'http://dvc.example/store', md5: `${'0'.repeat(32)}.dir` },
      hyperparameters: { epochs: 2 },
      registration: { model: 'lung', gate: { minAucRoc: '0.80' } },
    },
  });
  return metadata.uid ?? '';
}

async function status(): Promise<TrainingRunStatus> {
  return (await harness.api.get('trainingruns', name))?.['status'] ?? {};
}

async function reasons(): Promise<Record<string, string>> {
  return Object.fromEntries((await status()).conditions?.map(({ type, reason }) => [type, reason]) ?? []);
}

async function finalizers(): Promise<readonly string[]> {
  return (await harness.api.get('trainingruns', name))?.metadata.finalizers ?? [];
}

const ours = () => `hilum.dev/trainingrun=${name}`;

async function itsJobs(): Promise<string[]> {
  return (await harness.api.list('jobs', ours())).map(({ metadata }) => metadata.name);
}

async function itsPods(): Promise<string[]> {
  return (await harness.api.list('pods', ours())).map(({ metadata }) => metadata.name);
}

async function itsPod(): Promise<string> {
  let pod = '';
  await eventually(async () => {
    const [first = ''] = await itsPods();
    expect(first).not.toBe('');
    pod = first;
  });
  return pod;
}

/** The MLflow run that the trainer would make. */
async function trackedRun(uid: string) {
  const experimentId = await harness.mlflow.ensureExperiment('hilum');
  const tags = { 'hilum.trainingrun.uid': uid };
  return harness.mlflow.createRun({ experimentId, name, tags, startTimeMs: Date.now() });
}

function epoch(step: number, aucRoc: number) {
  const at = { timestampMs: Date.now(), step };
  return [
    { key: 'epoch', value: step, ...at },
    { key: 'val/auc_roc', value: aucRoc, ...at },
  ];
}

function success(runId: string, experimentId: string): string {
  return JSON.stringify({
    outcome: 'succeeded',
    experimentId,
    runId,
    dataset: { files: 90, patients: { train: 6, validation: 2, test: 2 } },
    evaluation: { accuracy: 0.875, aucRoc: 0.9123456789, samples: 18 },
    gate: { passed: true, message: 'AUC-ROC 0.912 reaches 0.80' },
    model: { name: 'lung', version: '4', digest: `sha256:${'a'.repeat(64)}`, alias: 'champion' },
  });
}
