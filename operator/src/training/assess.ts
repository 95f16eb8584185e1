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
import { endedAtMs, type Pod } from '../pods/pod.ts';
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

  if (isSuspended(job)) {
    return { state: 'waiting', reason: 'PodPending', message: 'the Job is being resumed', ...tried };
  }
  const pod = livePod(world.pods);
  if (pod !== undefined && diagnose(pod).phase === 'running') return { state: 'running', ...tried };
  const waiting = waitingFor(job, pod, world.pods, lastTry);
  const late = now - waiting.sinceMs - spec.limits.startSeconds * 1000;
  if (late < 0) return { state: 'waiting', reason: waiting.reason, message: waiting.message, ...tried };
  const seconds = spec.limits.startSeconds;
  return failed(
    'StartDeadlineExceeded',
    `no pod started within ${seconds} s (limits.startSeconds): ${waiting.message}`,
  );
}

/** When the start deadline of a waiting run passes, in milliseconds since 1970; undefined where none is running. */
export function startDeadlineMs(spec: TrainingRunSpec, { job, pods }: TrainingWorld): number | undefined {
  if (job === undefined || spec.suspend || isSuspended(job)) return undefined;
  return waitingFor(job, livePod(pods), pods, undefined).sinceMs + spec.limits.startSeconds * 1000;
}

function livePod(pods: readonly Pod[]): Pod | undefined {
  return pods.findLast((pod) => !isOver(pod));
}

/** Also while the Job controller has yet to act on a resumption: time spent suspended counts for no deadline. */
function isSuspended(job: Job): boolean {
  return (
    job.spec.suspend ||
    job.status.conditions.some(({ type, status }) => type === 'Suspended' && status === 'True')
  );
}

interface Waiting {
  readonly reason: Reason;
  readonly message: string;
  /** Start of the wait: of this pod, or for the next one. */
  readonly sinceMs: number;
}

function waitingFor(
  job: Job,
  pod: Pod | undefined,
  pods: readonly Pod[],
  lastTry: Failure | undefined,
): Waiting {
  if (pod !== undefined) {
    const { trouble } = diagnose(pod);
    const sinceMs = Date.parse(pod.metadata.creationTimestamp);
    if (trouble !== undefined) return { reason: trouble.reason, message: trouble.message, sinceMs };
    return { reason: 'PodPending', message: `pod ${pod.metadata.name} is being started`, sinceMs };
  }
  // A resumption sets the start time anew, and the wait for another try begins when the last one ended.
  const resumed = job.status.conditions.find(({ type }) => type === 'Suspended')?.lastTransitionTime;
  const started = Date.parse(job.status.startTime ?? resumed ?? job.metadata.creationTimestamp);
  const sinceMs = Math.max(started, ...pods.map((over) => endedAtMs(over)));
  if (lastTry === undefined) {
    const message = `Job ${job.metadata.name} has no pod yet; its events say more if this lasts`;
    return { reason: 'PodPending', message, sinceMs };
  }
  const message = `the last try failed (${lastTry.message}); the Job starts another`;
  return { reason: 'Retrying', message, sinceMs };
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
