/** What a package says to images, as a server of it would. */
import { loadClassifier, loadEngine, PackageError, type Classifier, type Decision } from '@hilum/model';
import { refusalOf } from '../dataset/domain.ts';
import type { Dataset, DatasetImage } from '../dataset/scan.ts';
import { TrainerError } from '../errors.ts';
import { byLabel, type ImageScore } from '../evaluation.ts';
import { decoded, readBytes, tensorOf } from '../features/images.ts';
import { factsOf, type FactsByFile, type ImageFacts } from './facts.ts';

export interface ScoredPackage {
  readonly labels: readonly string[];
  readonly positiveLabel: string;
  readonly scores: readonly ImageScore[];
  /** Images that a server of this model would not answer for. */
  readonly refused: readonly { readonly file: string; readonly code: string }[];
  readonly facts: FactsByFile;
  /** Of `training/decision.json`, where the package has one. */
  readonly decision?: Decision;
}

export interface ScoreHooks {
  /** Labels of the dataset that the model must know. */
  readonly mustKnow?: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly onImage?: (() => void) | undefined;
}

/**
 * One image after the other; those that the model is not for are listed and not scored.
 *
 * @throws TrainerError PACKAGE_UNREADABLE, LABELS_DIFFER, UNREADABLE_IMAGE; the reason of the signal
 */
export async function scorePackage(
  packageDir: string,
  dir: Dataset['dir'],
  images: readonly DatasetImage[],
  { mustKnow = [], signal, onImage }: ScoreHooks = {},
): Promise<ScoredPackage> {
  const classifier = await open(packageDir);
  try {
    const { labels, positiveLabel, contract, decision } = classifier.info;
    const foreign = mustKnow.filter((label) => !labels.includes(label));
    if (foreign.length > 0) {
      throw new TrainerError(
        'LABELS_DIFFER',
        `the model knows ${labels.join(', ')}, not ${few(foreign)}; is this the folder above the labels?`,
      );
    }
    const scores: ImageScore[] = [];
    const refused: { readonly file: string; readonly code: string }[] = [];
    const facts = new Map<string, ImageFacts>();
    for (const image of images) {
      signal?.throwIfAborted();
      const { file } = image;
      const bytes = await readBytes(dir, file);
      const picture = await decoded(bytes, file, signal);
      const code = refusalOf(picture, contract);
      if (code === undefined) {
        const answer = classifier.predict(await tensorOf(picture, file, contract), 1);
        scores.push({ ...image, probabilities: byLabel(labels, answer) });
        facts.set(file, factsOf(image, picture, bytes.length));
      } else {
        refused.push({ file, code });
      }
      onImage?.();
    }
    return { labels, positiveLabel, scores, refused, facts, ...(decision !== undefined && { decision }) };
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
