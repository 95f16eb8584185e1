/** The model that an alias points at now, as far as it can be compared with: its recorded scores of the same images. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MlflowError, type MlflowClient } from '@hilum/mlflow';
import { z } from 'zod';
import type { Champion } from './evaluation/opponents.ts';
import { EVALUATION_FILE } from './report-files.ts';

export interface FoundChampion {
  /** Absent where there is no alias yet, or no comparison is possible. */
  readonly champion?: Champion;
  /** Why there is one that cannot be compared with. */
  readonly note?: string;
}

const evaluationSchema = z.object({
  part: z.literal('test'),
  images: z.array(
    z.object({
      file: z.string(),
      label: z.string(),
      patient: z.string(),
      unit: z.string(),
      probabilities: z.record(z.string(), z.number()),
    }),
  ),
});

/**
 * Reads what the champion's run recorded of its own test part. Only images that were in both test parts, of the very
 * same dataset, are compared: any other may be one that the champion was trained on.
 *
 * @param pin DVC's md5 of the images of this run
 * @throws MlflowError where the registry does not answer; the reason of the signal
 */
export async function findChampion(
  mlflow: MlflowClient,
  { model, alias }: { readonly model: string; readonly alias: string },
  pin: string,
  signal?: AbortSignal,
): Promise<FoundChampion> {
  const version = await mlflow.getModelVersionByAlias(model, alias, signal);
  if (version === undefined) return {};
  const name = `${model}/${version.version}`;
  const incomparable = (why: string): FoundChampion => ({
    note: `${name} has the alias ${alias} and cannot be compared with: ${why}`,
  });
  const scratch = await mkdtemp(join(tmpdir(), 'hilum-champion-'));
  try {
    const run = await mlflow.getRun(version.runId, signal);
    if (run.params['dataset.md5'] !== pin) return incomparable('it was tested on another dataset');
    const into = join(scratch, EVALUATION_FILE);
    await mlflow.downloadFile(run.runId, EVALUATION_FILE, into, signal);
    const { images } = evaluationSchema.parse(JSON.parse(await readFile(into, 'utf8')));
    return { champion: { name, scores: images } };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof MlflowError && error.retryable) throw error;
    return incomparable(`its ${EVALUATION_FILE} cannot be read`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
