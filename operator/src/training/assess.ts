/** Where a run stands, by its Job and pods. Pure. */
import {
  type Reason,
  type TrainerReport,
  TRAINER_EXIT_CODES,
  reasonOf,
  trainerReportSchema,
} from '@hilum/crds';
import type { TrainingRunSpec } from '@hilum/crds';
import { diagnose, type Trouble } from '../pods/diagnosis.ts';
import type { Pod } from '../pods/pod.ts';
import { endOf, type Job, type JobEnd } from './job.ts';
import type { TrainingWorld } from './world.ts';

export type Success = Extract<TrainerReport, { outcome: 'succeeded' }>;

export interface Failure {
  readonly reason: Reason;
  /** SCREAMING_SNAKE, the trainer's own where it gave one. */
  readonly code: string;
  readonly message: string;
  readonly exitCode?: number;
}

export type Assessment =
  /** No pod works: it is being made, cannot start, or the run is suspended. */
  | {
      readonly state: 'waiting';
      readonly reason: Reason;
      readonly message: string;
      readonly lastTry?: Failure;
    }
  | { readonly state: 'running'; readonly lastTry?: Failure }
  /** The Job has ended but its pod's last state is not in yet. */
  | { readonly state: 'ending'; readonly message: string }
  | { readonly state: 'succeeded'; readonly report: Success }
  | { readonly state: 'failed'; readonly failure: Failure };

/** A watch is behind another by milliseconds, seconds at worst. */
const POD_STATE_WAIT_MS = 30_000;

export function assess(spec: TrainingRunSpec, world: TrainingWorld, now: number): Assessment {
  const { job } = world;
  if (job === undefined) {
    if (!world.jobGone) return { state: 'waiting', reason: 'PodPending', message: 'the Job is being made' };
    return failed('JobDeleted', 'the Job was deleted before it ended; a run is not started twice');
  }
  const end = endOf(job);
  if (end !== undefined) return ended(spec, job, end, world.pods, now);
  const lastTry = failureOfLast(world.pods);
  const tried = lastTry === undefined ? {} : { lastTry };
  if (spec.suspend)
    return { state: 'waiting', reason: 'Suspended', message: 'spec.suspend is true', ...tried };

  const pod = world.pods.findLast((candidate) => !isOver(candidate));
  if (pod !== undefined && diagnose(pod).phase === 'running') return { state: 'running', ...tried };
  const waiting = pod === undefined ? withoutPod(job, lastTry) : pending(pod);
  const late = now - waiting.sinceMs - spec.limits.startSeconds * 1000;
  if (late < 0) return { state: 'waiting', reason: waiting.reason, message: waiting.message, ...tried };
  const seconds = spec.limits.startSeconds;
  return failed(
    'StartDeadlineExceeded',
    `no pod started within ${seconds} s (limits.startSeconds): ${waiting.message}`,
  );
}

/** When the start deadline of a waiting run passes, in milliseconds since 1970; undefined where none is running. */
export function startDeadlineMs(spec: TrainingRunSpec, world: TrainingWorld): number | undefined {
  if (world.job === undefined || spec.suspend || endOf(world.job) !== undefined) return undefined;
  const pod = world.pods.findLast((candidate) => !isOver(candidate));
  const { sinceMs } = pod === undefined ? withoutPod(world.job, undefined) : pending(pod);
  return sinceMs + spec.limits.startSeconds * 1000;
}

interface Waiting {
  readonly reason: Reason;
  readonly message: string;
  readonly sinceMs: number;
}

function pending(pod: Pod): Waiting {
  const { trouble } = diagnose(pod);
  const sinceMs = Date.parse(pod.metadata.creationTimestamp);
  if (trouble !== undefined) return { reason: trouble.reason, message: trouble.message, sinceMs };
  return { reason: 'PodPending', message: `pod ${pod.metadata.name} is being started`, sinceMs };
}

function withoutPod(job: Job, lastTry: Failure | undefined): Waiting {
  // Resuming a Job sets its start time anew, so time spent suspended does not count.
  const sinceMs = Date.parse(job.status.startTime ?? job.metadata.creationTimestamp);
  if (lastTry !== undefined) {
    return {
      reason: 'Retrying',
      message: `the last try failed (${lastTry.message}); the Job starts another`,
      sinceMs,
    };
  }
  const message = `Job ${job.metadata.name} has no pod yet; its events say more if this lasts`;
  return { reason: 'PodPending', message, sinceMs };
}

function ended(spec: TrainingRunSpec, job: Job, end: JobEnd, pods: readonly Pod[], now: number): Assessment {
  const podsBehind = pods.some((pod) => !isOver(pod) && pod.metadata.deletionTimestamp === undefined);
  if (podsBehind && end.at !== undefined && now - Date.parse(end.at) < POD_STATE_WAIT_MS) {
    return { state: 'ending', message: 'the Job has ended; waiting for the last state of its pod' };
  }
  if (end.type === 'Complete') return completed(pods);
  const cause = failureOfLast(pods);
  switch (end.reason) {
    case 'DeadlineExceeded':
      return failed(
        'DeadlineExceeded',
        `the run took longer than ${spec.limits.activeSeconds} s (limits.activeSeconds)`,
      );
    case 'BackoffLimitExceeded': {
      const tries = `${job.status.failed} of ${spec.limits.retries + 1} tries failed`;
      if (cause === undefined) return failed('RetriesExhausted', tries);
      return { state: 'failed', failure: { ...cause, message: `${cause.message} (${tries})` } };
    }
    default:
      if (cause === undefined)
        return failed('TrainerFailed', `the Job failed: ${end.reason} ${end.message}`.trimEnd());
      return { state: 'failed', failure: cause };
  }
}

function completed(pods: readonly Pod[]): Assessment {
  const pod = pods.findLast((candidate) => candidate.status.phase === 'Succeeded');
  const report = pod === undefined ? undefined : readReport(diagnose(pod).lastWords);
  if (report?.outcome === 'succeeded') return { state: 'succeeded', report };
  const why = pod === undefined ? 'its pod is gone' : 'its termination message is not a report of success';
  return failed('ReportUnreadable', `the trainer ended well but its result is unknown: ${why}`);
}

/** The failure of the newest pod that failed by itself; a disruption is not the run's fault. */
function failureOfLast(pods: readonly Pod[]): Failure | undefined {
  for (const pod of pods.toReversed()) {
    const { phase, trouble, disrupted, lastWords } = diagnose(pod);
    if (phase === 'failed' && trouble !== undefined && !disrupted)
      return failureOf(trouble, readReport(lastWords));
  }
  return undefined;
}

function failureOf(trouble: Trouble, report: TrainerReport | undefined): Failure {
  const { exitCode } = trouble;
  const exit = exitCode === undefined ? {} : { exitCode };
  if (report?.outcome === 'failed') {
    const { code } = report;
    const reason = reasonOf(code);
    const message = reason === 'TrainerFailed' ? `${code}: ${report.message}` : report.message;
    return { reason, code, message, ...exit };
  }
  const reason = reasonOfExit(trouble);
  return { reason, code: codeOf(reason), message: trouble.message, ...exit };
}

function reasonOfExit({ reason, exitCode }: Trouble): Reason {
  if (reason !== 'ContainerFailed') return reason;
  if (exitCode === TRAINER_EXIT_CODES.badConfig) return 'BadConfig';
  if (exitCode === TRAINER_EXIT_CODES.badData) return 'BadData';
  return 'TrainerFailed';
}

function readReport(text: string | undefined): TrainerReport | undefined {
  if (text === undefined) return undefined;
  try {
    return trainerReportSchema.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: the last lines of a log.
    return undefined;
  }
}

function isOver(pod: Pod): boolean {
  return pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
}

function failed(reason: Reason, message: string): Assessment {
  return { state: 'failed', failure: { reason, code: codeOf(reason), message } };
}

/** OOMKilled → OOM_KILLED. */
function codeOf(reason: Reason): string {
  return reason
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toUpperCase();
}
