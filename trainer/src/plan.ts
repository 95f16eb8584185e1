/** What a run will do, decided from the files that are there before anything is computed. Pure. */
import { defaultContract, type Contract } from '@hilum/imaging';
import type { Dataset } from './dataset/scan.ts';
import { splitDigest, type SplitRecord } from './dataset/split-record.ts';
import type { Part } from './dataset/split.ts';
import { TrainerError } from './errors.ts';
import type { Counts } from './events.ts';
import type { Settings } from './study/variables.ts';

export interface Plan {
  readonly dataset: Dataset;
  readonly positiveLabel: string;
  /** Its domain is the kind's own until the images were looked at. */
  readonly contract: Contract;
  /** Which image and which patient is on which side. */
  readonly split: SplitRecord;
  /** By which the run names its split. */
  readonly splitSha256: string;
  /** Indices of images. */
  readonly parts: Readonly<Record<Part, readonly number[]>>;
  /** Class of every image: the index of its label. */
  readonly classes: readonly number[];
  readonly counts: Counts;
}

/** What needs no split. */
type DatasetPlan = Pick<Plan, 'dataset' | 'positiveLabel' | 'contract' | 'classes'>;

type PlanOptions = Pick<Settings, 'preprocessing'> & { readonly positiveLabel?: string };

/**
 * @param split of `chooseSplit`, which places every image
 * @throws TrainerError POSITIVE_LABEL_UNKNOWN, WINDOW_NOT_APPLICABLE
 */
export function planRun(dataset: Dataset, split: SplitRecord, options: PlanOptions): Plan {
  return {
    ...planDataset(dataset, options),
    split,
    splitSha256: splitDigest(split),
    parts: byPart((part) => indicesOn(dataset, split, part)),
    counts: {
      files: dataset.images.length,
      patients: byPart((part) => Object.values(split.patients).filter((side) => side === part).length),
    },
  };
}

/** @throws TrainerError POSITIVE_LABEL_UNKNOWN, WINDOW_NOT_APPLICABLE */
export function planDataset(dataset: Dataset, options: PlanOptions): DatasetPlan {
  const { inputSize, window } = options.preprocessing;
  if (dataset.kind === 'hu' && window !== undefined) {
    throw new TrainerError(
      'WINDOW_NOT_APPLICABLE',
      'preprocessing.window renders DICOM for a model of pictures; this dataset is DICOM, leave it out',
    );
  }
  return {
    dataset,
    positiveLabel: choosePositive(dataset.labels, options.positiveLabel),
    contract: defaultContract(dataset.kind, inputSize, window),
    classes: dataset.images.map((image) => dataset.labels.indexOf(image.label)),
  };
}

function byPart<T>(of: (part: Part) => T): Readonly<Record<Part, T>> {
  return { train: of('train'), validation: of('validation'), test: of('test') };
}

/**
 * Indices of the images on one side of a split, which may be of another folder than this: an image that it does not
 * know is where its patient is.
 */
export function indicesOn(
  { images }: Pick<Dataset, 'images'>,
  { sides, patients }: Pick<SplitRecord, 'sides' | 'patients'>,
  side: string,
): readonly number[] {
  return images.flatMap(({ file, patient }, index) =>
    (sides[file] ?? patients[patient]) === side ? [index] : [],
  );
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
