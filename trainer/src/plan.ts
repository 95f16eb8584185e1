/** What a run will do, decided from the files that are there before anything is computed. Pure. */
import { defaultContract, type Contract } from '@hilum/imaging';
import type { Dataset } from './dataset/scan.ts';
import { PARTS, splitByPatient, type Part, type Split } from './dataset/split.ts';
import { TrainerError } from './errors.ts';
import type { Counts } from './events.ts';
import type { TrainOptions } from './options.ts';

export interface Plan {
  readonly dataset: Dataset;
  readonly positiveLabel: string;
  /** Its domain is the kind's own until the images were looked at. */
  readonly contract: Contract;
  readonly split: Split;
  /** Indices of images. */
  readonly parts: Readonly<Record<Part, readonly number[]>>;
  /** Class of every image: the index of its label. */
  readonly classes: readonly number[];
  readonly counts: Counts;
}

/** @throws TrainerError POSITIVE_LABEL_UNKNOWN, TOO_FEW_PATIENTS, WINDOW_NOT_APPLICABLE */
export function planRun(
  dataset: Dataset,
  options: Pick<TrainOptions, 'preprocessing' | 'positiveLabel' | 'split'>,
): Plan {
  const split = splitByPatient(dataset.images, options.split);
  const { inputSize, window } = options.preprocessing;
  if (dataset.kind === 'hu' && window !== undefined) {
    throw new TrainerError(
      'WINDOW_NOT_APPLICABLE',
      'preprocessing.window renders DICOM for a model of pictures; this dataset is DICOM, leave it out',
    );
  }
  return {
    dataset,
    split,
    positiveLabel: choosePositive(dataset.labels, options.positiveLabel),
    contract: defaultContract(dataset.kind, inputSize, window),
    parts: Object.fromEntries(PARTS.map((part) => [part, indicesOf(dataset, split[part])])) as Plan['parts'],
    classes: dataset.images.map((image) => dataset.labels.indexOf(image.label)),
    counts: {
      files: dataset.images.length,
      patients: {
        train: split.train.length,
        validation: split.validation.length,
        test: split.test.length,
      },
    },
  };
}

/** Indices of the images of some patients. */
export function indicesOf(dataset: Pick<Dataset, 'images'>, patients: readonly string[]): readonly number[] {
  const wanted = new Set(patients);
  return dataset.images.flatMap((image, index) => (wanted.has(image.patient) ? [index] : []));
}

/** The label that is asked for; else `malignant`, which is what this project looks for; else the last one. */
function choosePositive(labels: readonly string[], asked: string | undefined): string {
  if (asked !== undefined && !labels.includes(asked)) {
    throw new TrainerError(
      'POSITIVE_LABEL_UNKNOWN',
      `the positive label ${asked} is none of the dataset's: ${labels.join(', ')}`,
    );
  }
  return asked ?? (labels.includes('malignant') ? 'malignant' : (labels.at(-1) ?? ''));
}
