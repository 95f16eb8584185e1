/** Reads what `decide` needs: the store, the last answers of MLflow, and once in a while the API server itself. */
import type { ChildDefaults } from '../config.ts';
import { isNotFound, pathOf, type KubeObject, type Store, type Transport } from '../kube/index.ts';
import { isControlledBy } from '../labels.ts';
import { readPod, type Pod } from '../pods/pod.ts';
import type { Poller } from '../poller.ts';
import type { ClosingQuestion, RunQuestion } from '../tracking.ts';
import { BY_TRAINING_RUN } from '../watches.ts';
import { type Closing, PROGRESS_EVERY_MS } from './decide.ts';
import { trackingUri } from './desired/job.ts';
import { endOf, readJob, type Job } from './job.ts';
import { jobName } from './names.ts';
import { type TrainingRun, isUnderstood } from './training-run.ts';
import type { TrackedRun, TrainingWorld } from './world.ts';

export interface TrainingSources {
  readonly transport: Transport;
  readonly jobs: Store<KubeObject>;
  readonly pods: Store<KubeObject>;
  readonly tracked: Poller<RunQuestion, TrackedRun | null>;
  readonly closing: Poller<ClosingQuestion, true>;
  readonly defaults: ChildDefaults;
}

export async function observe(
  run: TrainingRun,
  sources: TrainingSources,
  signal: AbortSignal,
): Promise<TrainingWorld> {
  const { owner, status } = run;
  const key = `${owner.namespace}/${owner.name}`;
  const job = ownJob(run, sources);
  const over = status.completionTime !== undefined || run.deletionTimestamp !== undefined;
  const question = questionOf(run, sources.defaults);
  if (over) sources.tracked.forget(key);
  const asks = !over && question !== undefined && job !== undefined && endOf(job) === undefined;
  const tracked = asks ? sources.tracked.ask(key, question, PROGRESS_EVERY_MS) : undefined;
  return {
    defaults: sources.defaults,
    ...(job === undefined ? {} : { job }),
    jobGone:
      job === undefined && !over && status.jobName !== undefined && (await isGone(run, sources, signal)),
    pods: job === undefined ? [] : podsOf(key, job, sources),
    ...(tracked === undefined ? {} : { tracked }),
  };
}

/** Starts closing the MLflow run, or tells how far it is. */
export function closeRun(run: TrainingRun, status: Closing, { closing, defaults }: TrainingSources) {
  const question = questionOf(run, defaults);
  // A spec that is not understood had no Job, and so no MLflow run.
  if (question === undefined) return { value: true as const };
  const key = `${run.owner.namespace}/${run.owner.name}`;
  return closing.ask(key, { ...question, status }, PROGRESS_EVERY_MS);
}

function questionOf({ owner, spec }: TrainingRun, defaults: ChildDefaults): RunQuestion | undefined {
  if (!isUnderstood(spec)) return undefined;
  return { uri: trackingUri(spec, defaults), experiment: spec.tracking.experiment, uid: owner.uid };
}

function ownJob({ owner }: TrainingRun, { jobs }: TrainingSources): Job | undefined {
  const object = jobs.get(`${owner.namespace}/${jobName(owner)}`);
  return object !== undefined && isControlledBy(object, owner.uid) ? readJob(object) : undefined;
}

/** The store may be behind; that a run has lost its Job is final, so the API server itself is asked. */
async function isGone(
  run: TrainingRun,
  { transport }: TrainingSources,
  signal: AbortSignal,
): Promise<boolean> {
  const { namespace } = run.owner;
  const path = pathOf({ group: 'batch', version: 'v1', plural: 'jobs', namespace }, jobName(run.owner));
  try {
    await transport.request('GET', path, { signal });
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

function podsOf(key: string, job: Job, { pods }: TrainingSources): readonly Pod[] {
  return pods
    .byIndex(BY_TRAINING_RUN, key)
    .filter((pod) => isControlledBy(pod, job.metadata.uid))
    .map((pod) => readPod(pod))
    .toSorted((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp));
}
