/** Names of what a TrainingRun owns. */
import { createHash } from 'node:crypto';

const JOB_NAME_MAX = 63;
const HASH_LENGTH = 10;

/**
 * The Job of a run. It follows from the uid, so that a repeated create collides, and a run made anew under an old
 * name gets a Job of its own.
 */
export function jobName(run: { readonly name: string; readonly uid: string }): string {
  const hash = createHash('sha256').update(run.uid).digest('hex').slice(0, HASH_LENGTH);
  const stem = run.name.slice(0, JOB_NAME_MAX - HASH_LENGTH - 1).replace(/[^a-z0-9]+$/, '');
  return `${stem}-${hash}`;
}

/** Held while a run is active, so that its MLflow run is closed when the object is deleted. */
export const FINALIZER = 'hilum.dev/close-mlflow-run';
