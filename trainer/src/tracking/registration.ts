/** From the package of a run to a version of a registered model, and its alias. */
import { PackageError } from '@hilum/model';
import type { EntryOf } from './entry.ts';
import { DIGEST_TAG, PACKAGE_FOLDER } from './package.ts';
import type { Telling } from './telling.ts';

export interface RegisteredModel {
  readonly name: string;
  /** `pending` where MLflow has not been reached yet: see `pending`. */
  readonly version: string;
  readonly digest: string;
  /** Set where the gate was passed. */
  readonly alias?: string;
  /** The run ended without MLflow, as it may; `hilum track-sync` registers the model. */
  readonly pending?: true;
}

/**
 * Makes the version, or finds the one that an earlier try made; moves the alias where there is one to move.
 *
 * @throws PackageError where the run does not have the package: its upload was refused, and nobody shall serve that
 */
export async function tellRegistration(
  { mlflow, run, signal, onNote }: Telling,
  { model: name, alias, digest, tags }: EntryOf<'register'>,
): Promise<RegisteredModel> {
  const { tags: ofRun } = await mlflow.getRun(run.runId, signal);
  if (ofRun[DIGEST_TAG] !== digest) {
    throw new PackageError('PACKAGE_INCOMPLETE', `the run ${run.runId} does not hold the package ${digest}`);
  }
  await mlflow.ensureRegisteredModel(name, signal);
  const source = `${run.artifactUri}/${PACKAGE_FOLDER}`;
  const { version } = await mlflow.createModelVersion(
    { name, source, runId: run.runId, tags: { ...tags, [DIGEST_TAG]: digest } },
    signal,
  );
  if (alias === undefined) return { name, version, digest };
  const { aliases, notes } = await mlflow.capabilities(signal);
  if (!aliases) {
    notes.filter((note) => note.includes('aliases')).forEach(onNote);
    return { name, version, digest };
  }
  await mlflow.setAlias(name, alias, version, signal);
  return { name, version, digest, alias };
}
