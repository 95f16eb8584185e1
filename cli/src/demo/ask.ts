/** Asks the service as any client would, and picks what to ask it about. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { MlflowClient } from '@hilum/mlflow';
import { DemoError } from './errors.ts';

export interface Question {
  readonly path: string;
  readonly label: string | undefined;
}

export interface Answer {
  /** The last two folders and the name: enough to find it, short enough for a table. */
  readonly file: string;
  readonly trueLabel: string | undefined;
  readonly label: string;
  readonly probability: number;
  readonly model: string;
  readonly warnings: readonly string[];
  readonly totalMs: number;
}

const answerSchema = z.object({
  label: z.string(),
  probability: z.number(),
  model: z.object({ name: z.string(), version: z.string() }),
  warnings: z.array(z.object({ code: z.string() })),
  timings: z.object({ totalMs: z.number() }),
});

/** Posts the bytes of one file. Errors: DemoError SERVICE_REFUSED with the service's own code. */
export async function classifyOverHttp(url: string, question: Question): Promise<Answer> {
  const response = await fetch(`${url}/v1/classify`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: await readFile(question.path),
    signal: AbortSignal.timeout(60_000),
  });
  const body: unknown = await response.json();
  if (!response.ok) {
    throw new DemoError(
      'SERVICE_REFUSED',
      `${basename(question.path)}: ${response.status} ${JSON.stringify(body)}`,
    );
  }
  const answer = answerSchema.parse(body);
  const folders = dirname(question.path).split('/').slice(-2).join('/');
  return {
    file: question.label === undefined ? basename(question.path) : `${folders}/${basename(question.path)}`,
    trueLabel: question.label,
    label: answer.label,
    probability: answer.probability,
    model: `${answer.model.name}/${answer.model.version}`,
    warnings: answer.warnings.map((warning) => warning.code),
    totalMs: answer.timings.totalMs,
  };
}

const evaluationSchema = z.object({ images: z.array(z.object({ file: z.string(), label: z.string() })) });

const PER_LABEL = 2;

/** A few images of each label that the run's test part holds: the model has not seen them. */
export async function pickTestImages(
  mlflow: MlflowClient,
  runId: string,
  scratch: string,
  dataDir: string,
): Promise<readonly Question[]> {
  const file = join(scratch, 'evaluation.json');
  await mlflow.downloadFile(runId, 'evaluation.json', file);
  const { images } = evaluationSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const labels = [...new Set(images.map((image) => image.label))];
  return labels.flatMap((label) => {
    const mine = images.filter((image) => image.label === label);
    // From different patients: evenly over the list, which is sorted by path.
    const picks = Array.from(
      { length: PER_LABEL },
      (_, i) => mine[Math.floor((i * mine.length) / PER_LABEL)],
    );
    return picks.flatMap((image) =>
      image === undefined ? [] : [{ path: join(dataDir, image.file), label }],
    );
  });
}
