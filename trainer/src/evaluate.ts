/** A model package on a folder of images. */
import { basename, join, resolve } from 'node:path';
import type { Dataset, DatasetImage } from './dataset/scan.ts';
import { readSplit, type SplitRecord } from './dataset/split-record.ts';
import { TrainerError } from './errors.ts';
import { assess } from './evaluation/assess.ts';
import type { Assessment } from './evaluation/assessment.ts';
import type { Champion } from './evaluation/opponents.ts';
import { scorePackage, type ScoreHooks } from './evaluation/score-package.ts';
import { summarise, type Evaluation } from './evaluation.ts';
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
  /** Package of another model that is asked about the same images. */
  readonly againstDir?: string;
  /** Of the bootstrap; 7 unless told. */
  readonly seed?: number;
  readonly resamples?: number;
  /** Of disease, for PPV and NPV. */
  readonly prevalences?: readonly number[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly images: number; readonly totalImages: number }) => void;
}

export interface EvaluatedPackage extends Evaluation {
  readonly assessment: Assessment;
}

/**
 * Scores images as the server would, one after the other; those that it would refuse are listed and not scored. Threshold,
 * temperature and abstention are those of the package's `training/decision.json`; nothing is chosen here.
 *
 * @throws TrainerError PACKAGE_UNREADABLE, SPLIT_MISSING, SPLIT_MALFORMED, LABELS_DIFFER, UNREADABLE_IMAGE, DATASET_EMPTY
 *   and those of `labelDataset`
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluatedPackage> {
  const { packageDir, againstDir, signal, seed = 7, resamples, prevalences } = options;
  const dataset = await labelDataset(options.dataDir, options.labels ?? { from: 'folders' }, { signal });
  const split = await splitOf(packageDir);
  const part = options.part ?? choosePart(dataset, split);
  const images = chosen(dataset, split, part).flatMap((index) => dataset.images[index] ?? []);
  const totalImages = images.length * (againstDir === undefined ? 1 : 2);
  let done = 0;
  const onImage = () => options.onProgress?.({ images: (done += 1), totalImages });
  const scored = await scorePackage(packageDir, dataset.dir, images, {
    mustKnow: dataset.labels,
    signal,
    onImage,
  });
  const { labels, positiveLabel, scores, refused, facts, decision } = scored;
  if (scores.length === 0) {
    throw new TrainerError(
      'DATASET_EMPTY',
      `the model is for other images: ${refused[0]?.code ?? 'none is there'}`,
    );
  }
  const other =
    againstDir === undefined
      ? undefined
      : await scoreChampion(againstDir, dataset.dir, images, { signal, onImage });
  const assessment = assess(
    {
      labels,
      positiveLabel,
      part,
      scores,
      facts,
      ...(decision !== undefined && { decision }),
      ...(other !== undefined && { champion: other.champion }),
    },
    {
      seed,
      ...(resamples !== undefined && { resamples }),
      ...(prevalences !== undefined && { prevalences }),
    },
  );
  return {
    ...summarise(scores, { labels, positiveLabel, part }),
    ...(refused.length > 0 && { refused }),
    assessment: { ...assessment, caveats: [...assessment.caveats, ...(other?.caveats ?? [])] },
  };
}

/** A champion that was trained on these patients is not beaten by a model that was not, and that has to be said. */
async function scoreChampion(
  packageDir: string,
  dir: Dataset['dir'],
  images: readonly DatasetImage[],
  hooks: ScoreHooks = {},
): Promise<{ readonly champion: Champion; readonly caveats: readonly string[] }> {
  const { scores, decision } = await scorePackage(packageDir, dir, images, hooks);
  const split = await splitOf(packageDir);
  const seen = new Set(
    ['train', 'validation'].flatMap((side) =>
      split === undefined ? [] : indicesOn({ images }, split, side).map((index) => images[index]?.patient),
    ),
  );
  return {
    champion: {
      name: basename(resolve(packageDir)),
      scores,
      ...(decision !== undefined && { aggregation: decision.aggregation }),
    },
    caveats:
      seen.size === 0
        ? []
        : [`The model that it is compared with was trained or chosen on ${seen.size} of these patients.`],
  };
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
