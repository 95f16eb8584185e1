/** A model package on a folder of images. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadClassifier, loadEngine, PackageError, type Classifier } from '@hilum/model';
import { refusalOf } from './dataset/domain.ts';
import { scanDataset, type Dataset } from './dataset/scan.ts';
import type { Split } from './dataset/split.ts';
import { TrainerError } from './errors.ts';
import { byLabel, summarise, type Evaluation, type ImageScore } from './evaluation.ts';
import { readImage, tensorOf } from './features/extract.ts';
import { indicesOf } from './plan.ts';
import { SPLIT_FILE, splitFileSchema } from './report-files.ts';

export interface EvaluateOptions {
  readonly packageDir: string;
  readonly dataDir: string;
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
 * @throws TrainerError PACKAGE_UNREADABLE, SPLIT_MISSING, LABELS_DIFFER, UNREADABLE_IMAGE and those of `scanDataset`
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { signal } = options;
  const dataset = await scanDataset(options.dataDir, { signal });
  const split = await readSplit(options.packageDir);
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

function choosePart(dataset: Dataset, split: Split | undefined): Evaluation['part'] {
  if (split === undefined) return 'all';
  return indicesOf(dataset, [...split.train, ...split.validation]).length > 0 ? 'test' : 'all';
}

function chosen(dataset: Dataset, split: Split | undefined, part: Evaluation['part']): readonly number[] {
  if (part === 'all') return [...dataset.images.keys()];
  if (split === undefined) {
    throw new TrainerError(
      'SPLIT_MISSING',
      `the package has no training/${SPLIT_FILE}; evaluate all images instead`,
    );
  }
  const indices = indicesOf(dataset, split[part]);
  if (indices.length > 0) return indices;
  throw new TrainerError(
    'DATASET_EMPTY',
    `the folder holds no image of the ${part} part of the model's split`,
  );
}

async function readSplit(packageDir: string): Promise<Split | undefined> {
  const path = join(packageDir, 'training', SPLIT_FILE);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return splitFileSchema.parse(JSON.parse(text)).patients;
  } catch (cause) {
    throw new TrainerError('SPLIT_MISSING', `training/${SPLIT_FILE} of the package cannot be read`, {
      cause,
    });
  }
}
