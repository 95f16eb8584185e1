/** What a server compares its inputs and scores with: their distribution where the model learnt and was chosen. */
import type { Contract } from '@hilum/imaging';
import { histogramOf, INPUT_STATISTICS, inputStatistics, type Reference } from '@hilum/model';
import type { DatasetImage } from './dataset/scan.ts';
import type { ImageScore } from './evaluation.ts';
import { readTensor } from './features/images.ts';

export interface ReferenceOptions {
  readonly contract: Contract;
  /** The dataset's folder. */
  readonly dir: string;
  /** The training part; of more than 1000 images, evenly spaced ones are read. */
  readonly train: readonly Pick<DatasetImage, 'file'>[];
  /** The validation part with what the network says of it; of training it says what it learnt by heart. */
  readonly validation: readonly ImageScore[];
  readonly positiveLabel: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Counts alone: nothing of one image is in it.
 *
 * @throws TrainerError UNREADABLE_IMAGE
 */
export async function referenceOf(options: ReferenceOptions): Promise<Reference> {
  const { contract, dir, train, validation, positiveLabel, signal } = options;
  const step = Math.max(1, train.length / IMAGES);
  const seen = Object.fromEntries(INPUT_STATISTICS.map((name) => [name, [] as number[]]));
  for (let at = 0; Math.floor(at) < train.length; at += step) {
    signal?.throwIfAborted();
    const image = train[Math.floor(at)];
    if (image === undefined) continue;
    const statistics = inputStatistics(await readTensor(dir, image.file, contract, signal));
    for (const name of INPUT_STATISTICS) seen[name]?.push(statistics[name]);
  }
  const score = validation.map(({ probabilities }) => probabilities[positiveLabel] ?? Number.NaN);
  const all = Object.entries({ ...seen, score: score.filter(Number.isFinite) });
  const known = all.filter(([, values]) => values.length > 0);
  return {
    version: 1,
    note: 'How many images of the training part (score: of validation) lie in each bin. Research use only, not for diagnosis.',
    statistics: Object.fromEntries(known.map(([name, values]) => [name, histogramOf(values)])),
  };
}

/** Shares of ten bins are known to a hundredth by these. */
const IMAGES = 1_000;
