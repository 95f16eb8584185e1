/** A model package, from where it lies on disk to its run in MLflow. */
import { join } from 'node:path';
import type { MetricPoint } from '@hilum/mlflow';
import { openPackage, PackageError, type PackageInfo } from '@hilum/model';
import type { EntryOf } from './entry.ts';
import type { Telling } from './telling.ts';

/** On a run: all of its package is there. It comes last. */
export const DIGEST_TAG = 'hilum.digest';
/** Of the run's artifacts, on every server: versions of the registry and `runs:/` URIs name it. */
export const PACKAGE_FOLDER = 'model';

/**
 * Uploads what the manifest lists, makes the model known, and writes its figures and its digest.
 *
 * @throws PackageError where the folder is gone, or holds another package by now
 */
export async function tellPackage(telling: Telling, entry: EntryOf<'package'>): Promise<void> {
  const { mlflow, run, signal, onNote } = telling;
  const info = await openPackage(entry.dir);
  if (info.digest !== entry.digest) {
    throw new PackageError(
      'DIGEST_MISMATCH',
      `${entry.dir} holds ${info.digest}, not ${entry.digest} any more`,
    );
  }
  const uploads = [...info.files.map(({ path }) => path), 'manifest.json'].map((path) =>
    mlflow.uploadFile(run, `${PACKAGE_FOLDER}/${path}`, join(info.dir, path), signal),
  );
  // The end of all: none goes on behind the back of what comes next.
  await Promise.allSettled(uploads);
  await Promise.all(uploads);
  const { loggedModels, notes } = await mlflow.capabilities(signal);
  if (!loggedModels) {
    notes.filter((note) => note.includes('logged models')).forEach(onNote);
    await noteModel(telling, info);
  }
  const points = loggedModels ? await logModel(telling, entry) : entry.points;
  await telling.metrics(points, points.at(-1)?.key);
  await mlflow.logBatch(run.runId, { tags: { [DIGEST_TAG]: entry.digest } }, signal);
}

/** @returns the points, tied to the model and to the dataset that they were measured on */
async function logModel(
  { mlflow, run, signal }: Telling,
  { digest, points, dataset }: EntryOf<'package'>,
): Promise<MetricPoint[]> {
  const { runId, experimentId } = run;
  const place = `runs:/${runId}/${PACKAGE_FOLDER}`;
  const tags = { [DIGEST_TAG]: digest, 'hilum.package': place, 'hilum.use': 'research only' };
  const model = await mlflow.ensureLoggedModel({ experimentId, runId, name: PACKAGE_FOLDER, tags }, signal);
  // The files once, at the run, where older servers have them as well; here the way to them.
  const pointer = Buffer.from(`The files of this model are artifacts of its run: ${place}\n`);
  await mlflow.uploadFile(model, 'WHERE.txt', pointer, signal);
  await mlflow.finishLoggedModel(model.modelId, signal);
  await mlflow.logOutput(runId, model.modelId, points.at(-1)?.step ?? 0, signal);
  const measured = dataset === undefined ? {} : { dataset };
  return points.map((point) => ({ ...point, modelId: model.modelId, ...measured }));
}

async function noteModel({ mlflow, run, signal }: Telling, info: PackageInfo): Promise<void> {
  const modelUuid = info.digest.slice('sha256:'.length, 'sha256:'.length + 32);
  // MLflow adds a note to those that it has, also the same one.
  const { tags } = await mlflow.getRun(run.runId, signal);
  if (tags['mlflow.log-model.history']?.includes(modelUuid) === true) return;
  const createdAtMs = Date.parse(info.createdAt);
  const flavors = ['onnx', 'tfjs'];
  await mlflow.noteModel(
    run.runId,
    { artifactPath: PACKAGE_FOLDER, modelUuid, createdAtMs, flavors },
    signal,
  );
}
