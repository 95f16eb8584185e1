/** A model package on a folder of images. */
import { join } from 'node:path';
import { loadClassifier, loadEngine, PackageError, type Classifier } from '@hilum/model';
import { refusalOf } from './dataset/domain.ts';
import type { Dataset } from './dataset/scan.ts';
import { readSplit, type SplitRecord } from './dataset/split-record.ts';
import { TrainerError } from './errors.ts';
import { byLabel, summarise, type Evaluation, type ImageScore } from './evaluation.ts';
import { readImage, tensorOf } from './features/images.ts';
import { labelDataset, type LabelSource } from './labels/label.ts';
import { indicesOn } from './plan.ts';
import { SPLIT_FILE } from './report-files.ts';

export interface EvaluateOptions {
  readonly packageDir: string;
  readonly dataDir: string;
  /** Default: the folders of `dataDir`. */
  readonly labels?: LabelSource;
  /**
   * Which images: `all`, or those of the patients in one part of the split that the model was trained on. By default
   * `test` where the folder holds patients that the model has seen, since a figure on those would flatter; else `all`.
   */
  readonly part?: Evaluation['part'];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly images: number; readonly totalImages: number }) => void;
}

/**
 * Scores images as the server would, one after the other; those that it would refuse are listed and not scored.
 *
 * @throws TrainerError PACKAGE_UNREADABLE, SPLIT_MISSING, SPLIT_MALFORMED, LABELS_DIFFER, UNREADABLE_IMAGE and those of `labelDataset`
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { signal } = options;
  const dataset = await labelDataset(options.dataDir, options.labels ?? { from: 'folders' }, { signal });
  const split = await splitOf(options.packageDir);
  const part = options.part ?? choosePart(dataset, split);
  const indices = chosen(dataset, split, part);
  const classifier = await open(options.packageDir);
  try {
    const { labels, positiveLabel, contract } = classifier.info;
    const foreign = dataset.labels.filter((label) => !labels.includes(label));
    if (foreign.length > 0) {
      throw new TrainerError(
        'LABELS_DIFFER',
        `the model knows ${labels.join(', ')}, not ${few(foreign)}; is this the folder above the labels?`,
      );
    }
    const scores: ImageScore[] = [];
    const refused: { readonly file: string; readonly code: string }[] = [];
    for (const index of indices) {
      signal?.throwIfAborted();
      const image = dataset.images[index];
      if (image === undefined) continue;
      const decoded = await readImage(dataset.dir, image.file, signal);
      const code = refusalOf(decoded, contract);
      if (code === undefined) {
        const tensor = await tensorOf(decoded, image.file, contract);
        scores.push({ ...image, probabilities: byLabel(labels, classifier.predict(tensor, 1)) });
      } else {
        refused.push({ file: image.file, code });
      }
      options.onProgress?.({ images: scores.length + refused.length, totalImages: indices.length });
    }
    if (scores.length === 0) {
      throw new TrainerError(
        'DATASET_EMPTY',
        `the model is for other images: ${refused[0]?.code ?? 'none is there'}`,
      );
    }
    const evaluation = summarise(scores, { labels, positiveLabel, part });
    return refused.length === 0 ? evaluation : { ...evaluation, refused };
  } finally {
    classifier.dispose();
  }
}

/** One folder too deep, every patient looks like a label. */
function few(names: readonly string[]): string {
  return names.length <= 3
    ? names.join(', ')
    : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}

async function open(dir: string): Promise<Classifier> {
  try {
    return await loadClassifier(await loadEngine(), dir);
  } catch (cause) {
    if (!(cause instanceof PackageError)) throw cause;
    throw new TrainerError('PACKAGE_UNREADABLE', `${cause.code}: ${cause.message}`, { cause });
  }
}

function choosePart(dataset: Dataset, split: SplitRecord | undefined): Evaluation['part'] {
  if (split === undefined) return 'all';
  const seen = ['train', 'validation'].some((side) => indicesOn(dataset, split, side).length > 0);
  return seen ? 'test' : 'all';
}

function chosen(
  dataset: Dataset,
  split: SplitRecord | undefined,
  part: Evaluation['part'],
): readonly number[] {
  if (part === 'all') return [...dataset.images.keys()];
  if (split === undefined) {
    throw new TrainerError(
      'SPLIT_MISSING',
      `the package has no training/${SPLIT_FILE}; evaluate all images instead`,
    );
  }
  const indices = indicesOn(dataset, split, part);
  if (indices.length > 0) return indices;
  throw new TrainerError(
    'DATASET_EMPTY',
    `the folder holds no image of the ${part} part of the model's split`,
  );
}

async function splitOf(packageDir: string): Promise<SplitRecord | undefined> {
  try {
    return await readSplit(join(packageDir, 'training', SPLIT_FILE));
  } catch (error) {
    if (error instanceof TrainerError && error.code === 'SPLIT_MISSING') return undefined;
    throw error;
  }
}
