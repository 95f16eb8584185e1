/** How a run begins in MLflow, or is found again. */
import { randomBytes } from 'node:crypto';
import type { Run } from '@hilum/mlflow';
import { TrainerError } from '../errors.ts';
import type { EntryOf } from './entry.ts';
import type { TrackingOptions, Trial } from './options.ts';
import type { Session } from './session.ts';
import { tracked } from './tracked.ts';

export const UID_TAG = 'hilum.trainingrun.uid';
/** What the run was called until MLflow had heard of it: its package may say so. */
const LOCAL_TAG = 'hilum.localId';
const TRIAL_TAG = 'hilum.trial.index';
const ALWAYS = { 'mlflow.source.name': 'hilum', 'hilum.use': 'research only' };

export function runEntry(options: TrackingOptions, startTimeMs: number): EntryOf<'open'> {
  const key = localKey();
  const { trainingRun, experiment, runName: name } = options;
  const tags = { ...options.tags, ...tagsOf(trainingRun), ...ALWAYS, [LOCAL_TAG]: key };
  const find: Record<string, string> =
    trainingRun === undefined ? { [LOCAL_TAG]: key } : { [UID_TAG]: trainingRun.uid };
  return { kind: 'open', run: key, experiment, name, startTimeMs, tags, find };
}

export function trialEntry(
  { index, name }: Trial,
  of: { readonly parent: string; readonly experiment: string; readonly startTimeMs: number },
): EntryOf<'open'> {
  return { kind: 'open', run: localKey(), ...of, name, tags: ALWAYS, find: { [TRIAL_TAG]: String(index) } };
}

function localKey(): string {
  return `local-${randomBytes(12).toString('hex')}`;
}

/** @returns undefined where MLflow is away and the run may start without it */
export async function openNow(session: Session, entry: EntryOf<'open'>): Promise<Run | undefined> {
  const { mlflow, required, sender, spool, teller } = session;
  // What an earlier process left comes first.
  if (sender.away !== undefined && required) throw session.unreachable();
  if (spool.waiting.length > 0) return undefined;
  const signal = session.signal ?? new AbortController().signal;
  try {
    return await tracked(async () => {
      await teller.tell(entry, signal);
      return mlflow.getRun(spool.runOf(entry.run)?.runId ?? '', signal);
    });
  } catch (error) {
    if (!required && error instanceof TrainerError && error.code === 'TRACKING_UNREACHABLE') return undefined;
    throw error;
  }
}

/** As far as it is known without MLflow. */
export function unknownRun({ run, startTimeMs, tags }: EntryOf<'open'>): Run {
  const none = { metrics: {}, params: {}, experimentId: '', artifactUri: '' };
  return { ...none, runId: run, status: 'RUNNING', tags, startTimeMs };
}

function tagsOf(trainingRun: TrackingOptions['trainingRun']): Record<string, string> {
  if (trainingRun === undefined) return {};
  return {
    [UID_TAG]: trainingRun.uid,
    'hilum.trainingrun.name': trainingRun.name,
    'hilum.trainingrun.namespace': trainingRun.namespace,
  };
}
