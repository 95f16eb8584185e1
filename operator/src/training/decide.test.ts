import { describe, expect, it } from 'vitest';
import {
  DEFAULTS,
  NOW,
  aJob,
  aRun,
  aWorld,
  ago,
  ended,
  nothingYet,
  running,
  successReport,
  unschedulable,
} from '../test/runs.ts';
import { decide } from './decide.ts';
import { jobName } from './names.ts';

const PASSED = { passed: true, message: 'AUC-ROC 0.912 reaches 0.80' };
const COMPLETE = aJob({ end: { type: 'Complete' } });
const finalFailure = (reason: string, failed = 1) => aJob({ end: { type: 'Failed', reason }, failed });

describe('the Job', () => {
  it('is created once, after the finalizer is held', () => {
    const { apply, finalizer } = decide(aRun({ status: {}, finalizers: [] }), nothingYet(), NOW);
    expect(apply.map(({ how, object }) => `${how} ${object.kind} ${object.metadata.name}`)).toEqual([
      `create Job ${jobName(aRun().owner)}`,
    ]);
    expect(finalizer).toBe('hold');
  });

  it('is not made again once it is gone', () => {
    expect(decide(aRun(), nothingYet({ jobGone: true }), NOW).apply).toEqual([]);
  });

  it('is left alone while nothing changed', () => {
    expect(decide(aRun(), aWorld({ pods: [running()] }), NOW).apply).toEqual([]);
  });

  it('follows suspend and limits, and nothing else of it is sent', () => {
    const run = aRun({ specChanges: { suspend: true, limits: { retries: 5 } } });
    expect(decide(run, aWorld(), NOW).apply.map(({ object }) => object['spec'])).toEqual([
      { suspend: true, backoffLimit: 5, activeDeadlineSeconds: 86_400 },
    ]);
  });

  it('is removed when the run failed before its pod started', () => {
    const run = aRun({ specChanges: { limits: { startSeconds: 30 } } });
    const { remove } = decide(run, aWorld({ pods: [unschedulable(31)] }), NOW);
    expect(remove.map(({ kind }) => kind)).toEqual(['Job']);
  });
});

describe('the image', () => {
  const gpu = DEFAULTS.trainerGpuImage;
  const cpu = DEFAULTS.trainerImage;
  it.each([
    ['no limits', {}, cpu],
    ['other limits', { memory: '8Gi', 'amd.com/gpu': 1 }, cpu],
    ['a GPU', { 'nvidia.com/gpu': 1 }, gpu],
    ['GPUs as text', { memory: '8Gi', 'nvidia.com/gpu': '2' }, gpu],
    ['a time slice of a GPU', { 'nvidia.com/gpu.shared': 1 }, gpu],
    ['a MIG slice of a GPU', { 'nvidia.com/mig-1g.10gb': 1 }, gpu],
    ['no GPU, in so many words', { 'nvidia.com/gpu': '0' }, cpu],
  ])('for %s is the one that suits them', (_name, limits, image) => {
    expect(imageOf({ resources: { limits } })).toBe(image);
  });

  it('is the one that the run names, GPU or not', () => {
    const own = { image: 'registry.example/own:1', resources: { limits: { 'nvidia.com/gpu': 1 } } };
    expect(imageOf(own)).toBe(own.image);
    const { trainerGpuImage: _, ...defaults } = DEFAULTS;
    expect(imageOf(own, nothingYet({ defaults }))).toBe(own.image);
  });

  it('that is missing keeps the Job from being made, with a warning', () => {
    const { trainerGpuImage: _, ...defaults } = DEFAULTS;
    const trainer = { resources: { limits: { 'nvidia.com/gpu': 1 } } };
    const decision = decide(aRun({ specChanges: { trainer }, status: {} }), nothingYet({ defaults }), NOW);
    expect(decision.apply).toEqual([]);
    expect(decision.events).toMatchObject([{ type: 'Warning', reason: 'GpuImageMissing' }]);
  });
});

describe('the next look', () => {
  it('is at the start deadline while the pod waits', () => {
    expect(decide(aRun(), aWorld({ pods: [unschedulable(800)] }), NOW).requeueAfterMs).toBe(1_000_000);
  });

  it('is at the next progress while it trains', () => {
    expect(decide(aRun(), aWorld({ pods: [running()] }), NOW).requeueAfterMs).toBe(5_000);
  });

  it('is left to the watches while it is suspended', () => {
    const run = aRun({ specChanges: { suspend: true } });
    expect(decide(run, aWorld(), NOW).requeueAfterMs).toBeUndefined();
  });
});

describe('progress', () => {
  it('keeps its time while MLflow tells of no new epoch', () => {
    const progress = { epoch: 7, epochs: 20, summary: '7/20', reportedAt: ago(30) };
    const tracked = { value: { experimentId: '1', runId: 'abc', status: 'RUNNING', epoch: 7 } };
    const run = aRun({ status: { ...aRun().status, progress } });
    expect(decide(run, aWorld({ pods: [running()], tracked }), NOW).status?.progress).toEqual(progress);
  });
});

describe('a run that has ended', () => {
  const done = aRun({ status: { completionTime: ago(10), jobName: 'j' } });

  it('is never touched again without the finalizer, even when its Job is gone', () => {
    const run = { ...done, finalizers: [] };
    expect(decide(run, nothingYet(), NOW)).toEqual({ apply: [], remove: [], events: [] });
  });

  it('closes its MLflow run as failed', () => {
    expect(decide(done, aWorld({ job: finalFailure('x') }), NOW)).toMatchObject({
      close: 'FAILED',
      apply: [],
    });
  });

  it('closes its MLflow run as finished when the model is registered', () => {
    const { status = {} } = decide(
      aRun(),
      aWorld({ job: COMPLETE, pods: [ended(0, successReport(PASSED))] }),
      NOW,
    );
    expect(decide(aRun({ status }), aWorld({ job: COMPLETE }), NOW).close).toBe('FINISHED');
  });

  it('lets go of the finalizer when the MLflow run is closed', () => {
    const decision = decide(done, aWorld({ job: COMPLETE, closed: { value: true } }), NOW);
    expect(decision).toMatchObject({ finalizer: 'release', apply: [], remove: [] });
    expect(decision.status).toBeUndefined();
  });

  it('lets go of it after a minute even if MLflow is down, and says so', () => {
    const late = aRun({ status: { completionTime: ago(61), jobName: 'j' } });
    const decision = decide(late, aWorld({ job: COMPLETE, closed: { error: new Error('refused') } }), NOW);
    expect(decision.finalizer).toBe('release');
    expect(decision.events.map(({ reason }) => reason)).toEqual(['TrackingUnreachable']);
  });
});

describe('a run that is being deleted', () => {
  const deleting = aRun({ deletionTimestamp: ago(5) });

  it('takes its Job down first and closes its MLflow run as killed', () => {
    const decision = decide(deleting, aWorld({ pods: [running()] }), NOW);
    expect(decision.remove.map(({ kind }) => kind)).toEqual(['Job']);
    expect(decision.close).toBe('KILLED');
  });

  it('makes nothing, even if it never had a Job', () => {
    const run = aRun({ deletionTimestamp: ago(5), status: {}, finalizers: [] });
    expect(decide(run, nothingYet(), NOW)).toEqual({ apply: [], remove: [], events: [] });
  });

  it('does not wait longer than a minute', () => {
    const late = aRun({ deletionTimestamp: ago(60) });
    expect(decide(late, aWorld(), NOW).finalizer).toBe('release');
  });
});

describe('events', () => {
  it('are one for each new reason, and none for an epoch', () => {
    const world = aWorld({ pods: [running()] });
    const first = decide(aRun(), world, NOW);
    expect(first.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Normal Training']);
    const value = { experimentId: '1', runId: 'abc', status: 'RUNNING', epoch: 3 };
    const run = aRun({ status: first.status ?? {} });
    expect(decide(run, { ...world, tracked: { value } }, NOW).events).toEqual([]);
  });

  it('warn of what someone must act on', () => {
    expect(decide(aRun(), aWorld({ pods: [unschedulable()] }), NOW).events).toMatchObject([
      { type: 'Warning', reason: 'Unschedulable' },
    ]);
  });
});

function imageOf(trainer: object, world = nothingYet()): unknown {
  const { apply } = decide(aRun({ specChanges: { trainer }, status: {} }), world, NOW);
  const [, image] = /"name":"trainer","image":"([^"]+)"/.exec(JSON.stringify(apply)) ?? [];
  return image;
}
