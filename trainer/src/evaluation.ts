/** Scores of images → the figures that a run is judged by. Pure. */
import type { DatasetImage } from './dataset/scan.ts';
import { accuracy, aucRoc } from './metrics.ts';

export interface ImageScore extends DatasetImage {
  /** In the order of the labels; sums to 1. */
  readonly probabilities: readonly number[];
}

/** The mean over the images of one folder: a nodule, a series or a patient under one label. */
export interface UnitScore {
  readonly unit: string;
  readonly label: string;
  readonly patient: string;
  readonly images: number;
  readonly probabilities: readonly number[];
}

export interface Figures {
  readonly samples: number;
  /** Part of the samples whose most probable label is the right one. */
  readonly accuracy: number;
  /** Of the positive label against all others; NaN (null in JSON) where only one of the two occurs. */
  readonly aucRoc: number;
}

export interface Evaluation extends Figures {
  readonly note: string;
  /** Which images were scored: a part of the split that the model was trained on, or all there are. */
  readonly part: 'train' | 'validation' | 'test' | 'all';
  readonly labels: readonly string[];
  readonly positiveLabel: string;
  readonly perUnit: Figures;
  readonly images: readonly ImageScore[];
  readonly units: readonly UnitScore[];
}

export const RESEARCH_USE_ONLY = 'Research use only, not for diagnosis.';

/** The figures per image, and per unit over the mean of its images. */
export function summarise(
  images: readonly ImageScore[],
  { labels, positiveLabel, part }: Pick<Evaluation, 'labels' | 'positiveLabel' | 'part'>,
): Evaluation {
  const units = [...Map.groupBy(images, (image) => image.unit)].map(([unit, members]) =>
    unitScore(unit, members),
  );
  return {
    note: RESEARCH_USE_ONLY,
    part,
    labels,
    positiveLabel,
    ...figures(images, labels, positiveLabel),
    perUnit: figures(units, labels, positiveLabel),
    images,
    units,
  };
}

function unitScore(unit: string, members: readonly ImageScore[]): UnitScore {
  const [first] = members;
  const width = first?.probabilities.length ?? 0;
  const mean = Array.from({ length: width }, (_, label) => {
    const sum = members.reduce((total, member) => total + (member.probabilities[label] ?? 0), 0);
    return sum / members.length;
  });
  const { label = '', patient = '' } = first ?? {};
  return { unit, label, patient, images: members.length, probabilities: mean };
}

function figures(
  scores: readonly Pick<ImageScore, 'label' | 'probabilities'>[],
  labels: readonly string[],
  positiveLabel: string,
): Figures {
  const positive = labels.indexOf(positiveLabel);
  return {
    samples: scores.length,
    accuracy: accuracy(
      scores.map((score) => score.probabilities),
      scores.map((score) => labels.indexOf(score.label)),
    ),
    aucRoc: aucRoc(
      scores.map((score) => score.probabilities[positive] ?? 0),
      scores.map((score) => score.label === positiveLabel),
    ),
  };
}

export interface Gate {
  readonly passed: boolean;
  /** For the person on call, one sentence. */
  readonly message: string;
}

/** Whether a model may get the alias. Without a bound every finished model may. */
export function judge({ aucRoc, samples }: Figures, minAucRoc: number | undefined): Gate {
  const measured = `AUC-ROC ${aucRoc.toFixed(4)} on ${samples} test images`;
  if (minAucRoc === undefined) return { passed: true, message: `${measured}; no gate is set` };
  // NaN compares false, and so never passes.
  return aucRoc >= minAucRoc
    ? { passed: true, message: `${measured} reaches the gate of ${minAucRoc}` }
    : { passed: false, message: `${measured} is below the gate of ${minAucRoc}` };
}
