/** The files beside a model that say how it came about. Pure. */
import { z } from 'zod';
import type { SplitOptions } from './dataset/split.ts';
import type { Evaluation } from './evaluation.ts';
import { rocCurve } from './metrics.ts';
import type { Plan } from './plan.ts';

export const SPLIT_FILE = 'split.json';

export const splitFileSchema = z.object({
  version: z.literal(1),
  seed: z.int(),
  validationPercent: z.number(),
  testPercent: z.number(),
  /** DVC's pin of the dataset, where it was known. */
  dataset: z.string().optional(),
  patients: z.object({
    train: z.array(z.string()),
    validation: z.array(z.string()),
    test: z.array(z.string()),
  }),
});

/** split.json, evaluation.json and roc.csv, by name. */
export function reportFiles(
  plan: Plan,
  split: SplitOptions,
  evaluation: Evaluation,
  pin: string | undefined,
): Readonly<Record<string, Uint8Array>> {
  const written = { version: 1, ...split, dataset: pin, patients: plan.split };
  return {
    [SPLIT_FILE]: json(written),
    'evaluation.json': json(evaluation),
    'roc.csv': Buffer.from(rocCsv(evaluation)),
  };
}

/** The ROC curve of the images, for `dvc plots` and spreadsheets. */
export function rocCsv({ images, positiveLabel }: Pick<Evaluation, 'images' | 'positiveLabel'>): string {
  const points = rocCurve(
    images.map((image) => image.probabilities[positiveLabel] ?? 0),
    images.map((image) => image.label === positiveLabel),
  );
  return `fpr,tpr,threshold\n${points.map(({ fpr, tpr, threshold }) => `${fpr},${tpr},${threshold}\n`).join('')}`;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
