/** TrainingRuns, Jobs and pods as data, for the tables of `decide`. */
import { trainingRunSpecSchema, type TrainingRunStatus } from '@hilum/crds';
import { timestamp } from '../kube/index.ts';
import { readPod, type Pod } from '../pods/pod.ts';
import { readJob, type Job } from '../training/job.ts';
import { jobName } from '../training/names.ts';
import type { TrainingRun } from '../training/training-run.ts';
import type { TrainingWorld } from '../training/world.ts';

/** The moment at which all of the tables happen. */
export const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);
const OWNER = {
  apiVersion: 'hilum.dev/v1alpha1',
  kind: 'TrainingRun',
  name: 'nodules',
  namespace: 'team-a',
  uid: '5b1f2a30-0000-4000-8000-000000000001',
} as const;

export const DEFAULTS = {
  trainerImage: 'registry.example/hilum-trainer:1',
  trainerGpuImage: 'registry.example/hilum-trainer-gpu:1',
  serverImage: 'registry.example/hilum-server:1',
  mlflowUri: 'http://mlflow.hilum.svc:5000',
  mlflowSecret: 'hilum-mlflow',
  imagePullSecrets: ['registry-key', 'mirror-key'],
} as const;

export const SPEC = {
  dataset: { remote: 'http://dvc.example/store', md5: `${'0'.repeat(32)}.dir` },
  registration: { model: 'lung', gate: { minAucRoc: '0.80' } },
} as const;

export function ago(seconds: number): string {
  return timestamp(NOW - seconds * 1000);
}

export function aRun(changes: Partial<TrainingRun> & { readonly specChanges?: object } = {}): TrainingRun {
  const { specChanges, ...rest } = changes;
  return {
    owner: OWNER,
    generation: 1,
    finalizers: ['hilum.dev/close-mlflow-run'],
    spec: trainingRunSpecSchema.parse({ ...SPEC, ...specChanges }),
    status: { jobName: jobName(OWNER), startTime: ago(60) },
    ...rest,
  };
}

export function aWorld(changes: Partial<TrainingWorld> = {}): TrainingWorld {
  return { defaults: DEFAULTS, jobGone: false, pods: [], job: aJob(), ...changes };
}

/** The world before anything was made. */
export function nothingYet(changes: Partial<TrainingWorld> = {}): TrainingWorld {
  return { defaults: DEFAULTS, jobGone: false, pods: [], ...changes };
}

interface JobChanges {
  readonly end?: {
    readonly type: 'Complete' | 'Failed';
    readonly reason?: string;
    readonly secondsAgo?: number;
  };
  readonly failed?: number;
  readonly spec?: object;
  readonly startedSecondsAgo?: number;
  readonly conditions?: readonly object[];
  /** The Job controller has not (again) begun. */
  readonly notStarted?: boolean;
}

export function aJob(changes: JobChanges = {}): Job {
  const { end, failed = 0, spec = {}, startedSecondsAgo = 60 } = changes;
  const ends =
    end === undefined ? [] : [{ ...end, status: 'True', lastTransitionTime: ago(end.secondsAgo ?? 1) }];
  const conditions = [...(changes.conditions ?? []), ...ends];
  return readJob({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(OWNER),
      namespace: OWNER.namespace,
      uid: 'job-uid',
      creationTimestamp: ago(startedSecondsAgo),
    },
    spec: { suspend: false, backoffLimit: 2, activeDeadlineSeconds: 86_400, ...spec },
    status: {
      ...(changes.notStarted === true ? {} : { startTime: ago(startedSecondsAgo) }),
      failed,
      conditions,
    },
  });
}

interface PodChanges {
  readonly secondsAgo?: number;
  readonly conditions?: readonly object[];
  readonly state?: object;
  readonly lastState?: object;
  readonly reason?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly deleting?: boolean;
}

export function aPod(phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed', changes: PodChanges = {}): Pod {
  const {
    secondsAgo = 50,
    conditions = [],
    state,
    lastState,
    reason,
    ready = false,
    restartCount = 0,
  } = changes;
  const container = { name: 'main', ready, restartCount, ...(lastState === undefined ? {} : { lastState }) };
  return readPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'nodules-x',
      uid: 'pod-uid',
      creationTimestamp: ago(secondsAgo),
      ...(changes.deleting === true ? { deletionTimestamp: ago(1) } : {}),
    },
    status: {
      phase,
      conditions,
      ...(reason === undefined ? {} : { reason }),
      containerStatuses:
        state === undefined && lastState === undefined ? [] : [{ ...container, state: state ?? {} }],
    },
  });
}

export function running(): Pod {
  return aPod('Running', { state: { running: { startedAt: ago(40) } }, ready: true });
}

export function unschedulable(secondsAgo = 50): Pod {
  const message = '0/3 nodes are available: 3 Insufficient nvidia.com/gpu';
  const scheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
  return aPod('Pending', { secondsAgo, conditions: [scheduled] });
}

/** A pod whose container ended; `said` is its termination message. */
export function ended(
  exitCode: number,
  said?: string,
  changes: PodChanges & { readonly why?: string } = {},
): Pod {
  const { why, ...rest } = changes;
  const terminated = {
    exitCode,
    reason: why ?? (exitCode === 0 ? 'Completed' : 'Error'),
    finishedAt: ago(5),
    ...(said === undefined ? {} : { message: said }),
  };
  return aPod(exitCode === 0 ? 'Succeeded' : 'Failed', { state: { terminated }, ...rest });
}

export function successReport(gate: { readonly passed: boolean; readonly message: string }): string {
  return JSON.stringify({
    outcome: 'succeeded',
    experimentId: '1',
    runId: 'abc',
    dataset: { files: 90, patients: { train: 6, validation: 2, test: 2 } },
    evaluation: { accuracy: 0.875, aucRoc: 0.9123456789, samples: 18 },
    gate,
    model: { name: 'lung', version: '4', digest: `sha256:${'a'.repeat(64)}` },
  });
}

export function failureReport(code: string, message: string): string {
  return JSON.stringify({ outcome: 'failed', code, message, retryable: false });
}

/** `type status reason` of each condition. */
export function summaryOf(status: TrainingRunStatus | undefined): Record<string, string> {
  const conditions = status?.conditions ?? [];
  return Object.fromEntries(conditions.map(({ type, status: is, reason }) => [type, `${is} ${reason}`]));
}
