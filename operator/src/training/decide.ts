/** What to do for a TrainingRun. Pure: `(run, world, now)` in, data out. */
import type { TrainingRunSpec, TrainingRunStatus } from '@hilum/crds';
import { type Decision, type EventDraft, NOTHING, type Write } from '../decision.ts';
import { findCondition } from '../kube/index.ts';
import { type Assessment, assess, startDeadlineMs } from './assess.ts';
import { mutableJobFields, trainerImage, trainerJob } from './desired/job.ts';
import { endOf, type Job } from './job.ts';
import { FINALIZER } from './names.ts';
import { refusedStatus, runStatus } from './status.ts';
import { type TrainingRun, isUnderstood } from './training-run.ts';
import type { TrainingWorld } from './world.ts';

/** How the MLflow run must end. */
export type Closing = 'FINISHED' | 'FAILED' | 'KILLED';

export interface TrainingDecision extends Decision<TrainingRunStatus> {
  /** Take the finalizer before anything is made, or give it back after all is done. */
  readonly finalizer?: 'hold' | 'release';
  /** Close the MLflow run, if it is open. */
  readonly close?: Closing;
}

/** MLflow is asked for progress so often while a pod runs. */
export const PROGRESS_EVERY_MS = 5_000;
/** The finalizer is given back after so long even if MLflow is down: nothing waits for ever to be deleted. */
const CLOSE_DEADLINE_MS = 60_000;
const ENDING_MS = 1_000;
/** The API server refused a child: quota and the like change without telling us. */
const REFUSED_RETRY_MS = 30_000;

export function decide(run: TrainingRun, world: TrainingWorld, now: number): TrainingDecision {
  if (run.deletionTimestamp !== undefined) return cleanUp(run, world, now, 'KILLED', run.deletionTimestamp);
  if (run.status.completionTime !== undefined) {
    const good = findCondition(run.status.conditions ?? [], 'Registered')?.status === 'True';
    return cleanUp(run, world, now, good ? 'FINISHED' : 'FAILED', run.status.completionTime);
  }
  if (!isUnderstood(run.spec)) return refuse(run, 'SpecNotUnderstood', run.spec.problem, now);
  if (world.rejected !== undefined) {
    return { ...refuse(run, 'ChildRejected', world.rejected, now), requeueAfterMs: REFUSED_RETRY_MS };
  }
  const image = trainerImage(run.spec, world.defaults);
  // A Job that was made before the operator lost its GPU image has its own, and goes on.
  if (image === undefined && world.job === undefined && !world.jobGone) {
    return refuse(run, 'GpuImageMissing', NO_GPU_IMAGE, now);
  }
  return advance(run, run.spec, world, image, now);
}

const NO_GPU_IMAGE =
  'trainer.resources.limits asks for an NVIDIA GPU, and the operator was installed without a GPU trainer image ' +
  '(chart value trainer.gpuImage); set that, name an image in trainer.image, or leave the GPU out to train on CPU';

function advance(
  run: TrainingRun,
  spec: TrainingRunSpec,
  world: TrainingWorld,
  image: string | undefined,
  now: number,
): TrainingDecision {
  const assessment = assess(spec, world, now);
  const status = runStatus(run, spec, assessment, world, now);
  const requeueAfterMs = nextLook(assessment, spec, world, now);
  return {
    finalizer: 'hold',
    apply: jobWrites(run, spec, world, image),
    // A Job that never started must not start after the run was called failed. The status is written before this.
    remove: assessment.state === 'failed' ? unfinished(world.job) : [],
    status,
    events: eventsBetween(run.status, status),
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

function jobWrites(
  run: TrainingRun,
  spec: TrainingRunSpec,
  { job, jobGone, defaults }: TrainingWorld,
  image: string | undefined,
): Write[] {
  if (jobGone) return [];
  if (job === undefined) {
    if (image === undefined) return [];
    return [{ how: 'create', object: trainerJob(run.owner, spec, defaults, image) }];
  }
  if (endOf(job) !== undefined) return [];
  const wanted = mutableJobFields(spec);
  const differs =
    job.spec.suspend !== wanted.suspend ||
    job.spec.backoffLimit !== wanted.backoffLimit ||
    job.spec.activeDeadlineSeconds !== wanted.activeDeadlineSeconds;
  if (!differs) return [];
  const { apiVersion, kind, metadata } = job.object;
  const { name, namespace, uid } = metadata;
  // Only these fields, by a manager of their own: the pod template of a Job cannot change, so it is never sent again.
  const object = { apiVersion, kind, metadata: { name, namespace, uid }, spec: wanted };
  return [{ how: 'apply', object, live: job.object, fieldManager: 'hilum-operator-limits' }];
}

/** Watches wake the run for all that happens in the cluster; only MLflow and deadlines need a timer. */
function nextLook(
  assessment: Assessment,
  spec: TrainingRunSpec,
  world: TrainingWorld,
  now: number,
): number | undefined {
  switch (assessment.state) {
    case 'running':
      return PROGRESS_EVERY_MS;
    case 'ending':
      return ENDING_MS;
    case 'waiting': {
      const deadline = startDeadlineMs(spec, world);
      return deadline === undefined ? undefined : Math.max(deadline - now, 0);
    }
    default:
      // The end: the written status wakes the run, for its clean-up.
      return undefined;
  }
}

/** Nothing but the MLflow run is left to put in order; without the finalizer that is done, or was never begun. */
function cleanUp(
  run: TrainingRun,
  world: TrainingWorld,
  now: number,
  close: Closing,
  since: string,
): TrainingDecision {
  if (!run.finalizers.includes(FINALIZER)) return NOTHING;
  const remove = unfinished(world.job);
  if (world.closed?.value === true) return { ...NOTHING, remove, finalizer: 'release' };
  const leftMs = Date.parse(since) + CLOSE_DEADLINE_MS - now;
  if (leftMs <= 0) {
    const message = 'MLflow did not answer in time; its run may still be shown as running';
    return {
      ...NOTHING,
      remove,
      finalizer: 'release',
      events: [{ type: 'Warning', reason: 'TrackingUnreachable', message }],
    };
  }
  return { ...NOTHING, remove, close, requeueAfterMs: Math.min(leftMs, PROGRESS_EVERY_MS) };
}

function unfinished(job: Job | undefined): Job['object'][] {
  if (job === undefined || endOf(job) !== undefined || job.metadata.deletionTimestamp !== undefined)
    return [];
  return [job.object];
}

function refuse(
  run: TrainingRun,
  reason: 'SpecNotUnderstood' | 'ChildRejected' | 'GpuImageMissing',
  message: string,
  now: number,
): TrainingDecision {
  const status = refusedStatus(run, reason, message, now);
  return { ...NOTHING, status, events: eventsBetween(run.status, status) };
}

/** One event when the reason of the summary changes; epochs are progress, not events. */
function eventsBetween(before: TrainingRunStatus, after: TrainingRunStatus): EventDraft[] {
  const old = findCondition(before.conditions ?? [], 'Succeeded');
  const next = findCondition(after.conditions ?? [], 'Succeeded');
  if (next === undefined || (old?.reason === next.reason && old.status === next.status)) return [];
  const accepted = findCondition(after.conditions ?? [], 'Accepted')?.status === 'True';
  const calm =
    next.status === 'True' || (next.status === 'Unknown' && accepted && !TROUBLES.has(next.reason));
  return [{ type: calm ? 'Normal' : 'Warning', reason: next.reason, message: next.message }];
}

const TROUBLES: ReadonlySet<string> = new Set(['Unschedulable', 'ImagePull', 'ContainerConfig', 'Retrying']);
