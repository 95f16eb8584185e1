/** The files beside a model that say how it came about. Pure. */
import { splitText } from './dataset/split-record.ts';
import type { Evaluation } from './evaluation.ts';
import { rocCurve } from './metrics.ts';
import type { Plan } from './plan.ts';

export const SPLIT_FILE = 'split.json';

/** split.json, evaluation.json and roc.csv, by name. */
export function reportFiles(
  plan: Pick<Plan, 'split'>,
  evaluation: Evaluation,
): Readonly<Record<string, Uint8Array>> {
  return {
    [SPLIT_FILE]: Buffer.from(splitText(plan.split)),
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
