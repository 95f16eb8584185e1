/** The files beside a model that say how it came about and what it is worth. */
import { DECISION_FILE } from '@hilum/model';
import { modelCard } from './card/model-card.ts';
import { reportingSheet } from './card/reporting.ts';
import type { RunFacts } from './card/run-facts.ts';
import { splitText } from './dataset/split-record.ts';
import type { Assessment } from './evaluation/assessment.ts';
import { curveFiles } from './evaluation/curve-files.ts';
import { metricsFile } from './evaluation/metrics-file.ts';
import type { Evaluation } from './evaluation.ts';
import { rocCurve } from './metrics.ts';
import type { Plan } from './plan.ts';
import type { History } from './plots/history.ts';
import { plotFiles } from './plots/plots.ts';

export const SPLIT_FILE = 'split.json';
/** Every score of the test part, image by image. */
export const EVALUATION_FILE = 'evaluation.json';

/** split.json, evaluation.json and roc.csv, by name. */
export function reportFiles(
  plan: Pick<Plan, 'split'>,
  evaluation: Evaluation,
): Readonly<Record<string, Uint8Array>> {
  return {
    [SPLIT_FILE]: Buffer.from(splitText(plan.split)),
    [EVALUATION_FILE]: json(evaluation),
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

export interface AssessmentReport {
  readonly assessment: Assessment;
  /** Of the run; without it there are no learning curves. */
  readonly history?: History;
  /** Of the run; without them the card has no origin and there is no reporting sheet. */
  readonly facts?: RunFacts;
}

/**
 * assessment.json, decision.json, metrics.json, MODEL_CARD.md, reporting.md, curves/*.csv and plots/*.svg, by path with
 * forward slashes. None of them names a file or a patient; the same report has the same bytes.
 */
export async function assessmentFiles({
  assessment,
  history,
  facts,
}: AssessmentReport): Promise<Readonly<Record<string, Uint8Array>>> {
  const { decision } = assessment;
  const curves = Object.entries(curveFiles(assessment, history?.epochs));
  const plots = Object.entries(await plotFiles(assessment, history && { history }));
  return {
    'assessment.json': json(assessment),
    ...(decision !== undefined && { [DECISION_FILE]: json(decision) }),
    'metrics.json': json(metricsFile(assessment)),
    'MODEL_CARD.md': Buffer.from(modelCard(assessment, facts)),
    ...(facts !== undefined && { 'reporting.md': Buffer.from(reportingSheet({ assessment, facts })) }),
    ...Object.fromEntries(curves.map(([name, text]) => [`curves/${name}`, Buffer.from(text)])),
    ...Object.fromEntries(plots.map(([name, svg]) => [`plots/${name}`, Buffer.from(svg)])),
  };
}

function json(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
