/** Scores of images → the figures that a run is judged by. Pure. */
import type { DatasetImage } from './dataset/scan.ts';
import { accuracy, aucRoc } from './metrics.ts';

export interface ImageScore extends DatasetImage {
  /** Of every label; they add up to 1. As the server answers. */
  readonly probabilities: Readonly<Record<string, number>>;
}

/** The mean over the images of one folder: a nodule, a series or a patient under one label. */
export interface UnitScore {
  readonly unit: string;
  readonly label: string;
  readonly patient: string;
  readonly images: number;
  readonly probabilities: Readonly<Record<string, number>>;
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
  /** Images that a server of this model would not answer for; in no figure. Absent where there is none. */
  readonly refused?: readonly { readonly file: string; readonly code: string }[];
}

export const RESEARCH_USE_ONLY = 'Research use only, not for diagnosis.';

/** The figures per image, and per unit over the mean of its images. */
export function summarise(
  images: readonly ImageScore[],
  { labels, positiveLabel, part }: Pick<Evaluation, 'labels' | 'positiveLabel' | 'part'>,
): Evaluation {
  const units = [...Map.groupBy(images, (image) => image.unit)].map(([unit, members]) =>
    unitScore(unit, members, labels),
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

/** A row of the network's output by label. */
export function byLabel(labels: readonly string[], row: ArrayLike<number>): Record<string, number> {
  return Object.fromEntries(labels.map((label, at) => [label, row[at] ?? Number.NaN]));
}

function unitScore(unit: string, members: readonly ImageScore[], labels: readonly string[]): UnitScore {
  const mean = labels.map((label) => {
    const sum = members.reduce((total, member) => total + (member.probabilities[label] ?? Number.NaN), 0);
    return sum / members.length;
  });
  const { label = '', patient = '' } = members[0] ?? {};
  return { unit, label, patient, images: members.length, probabilities: byLabel(labels, mean) };
}

function figures(
  scores: readonly Pick<ImageScore, 'label' | 'probabilities'>[],
  labels: readonly string[],
  positiveLabel: string,
): Figures {
  return {
    samples: scores.length,
    accuracy: accuracy(
      scores.map(({ probabilities }) => labels.map((label) => probabilities[label] ?? Number.NaN)),
      scores.map((score) => labels.indexOf(score.label)),
    ),
    aucRoc: aucRoc(
      scores.map((score) => score.probabilities[positiveLabel] ?? Number.NaN),
      scores.map((score) => score.label === positiveLabel),
    ),
  };
}
