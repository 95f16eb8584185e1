/** What a server compares its inputs and scores with: their distribution where the model learnt and was chosen. */
import { histogramOf, INPUT_STATISTICS, inputStatistics, REFERENCE_PATH, type Reference } from '@hilum/model';
import type { ImageScore } from './evaluation.ts';
import { readTensor } from './features/images.ts';
import type { Plan } from './plan.ts';

/**
 * `training/reference.json`, by its path in a package: of the training part, of which no more than 1000 images are read
 * (evenly spaced), and of the scores of validation; of training a network says what it learnt by heart. Counts alone:
 * nothing of one image is in it.
 *
 * @throws TrainerError UNREADABLE_IMAGE
 */
export async function referenceFile(
  plan: Pick<Plan, 'dataset' | 'contract' | 'parts' | 'positiveLabel'>,
  validation: readonly ImageScore[],
  signal?: AbortSignal,
): Promise<Record<string, Uint8Array>> {
  const score = validation.map(({ probabilities }) => probabilities[plan.positiveLabel] ?? Number.NaN);
  const all = Object.entries({ ...(await inputsOf(plan, signal)), score: score.filter(Number.isFinite) });
  const known = all.filter(([, values]) => values.length > 0);
  const reference: Reference = {
    version: 1,
    note: 'How many images of the training part (score: of validation) lie in each bin. Research use only, not for diagnosis.',
    statistics: Object.fromEntries(known.map(([name, values]) => [name, histogramOf(values)])),
  };
  return { [REFERENCE_PATH]: Buffer.from(`${JSON.stringify(reference, null, 2)}\n`) };
}

/** Shares of ten bins are known to a hundredth by these. */
const IMAGES = 1_000;

async function inputsOf(
  { dataset, contract, parts: { train } }: Pick<Plan, 'dataset' | 'contract' | 'parts'>,
  signal?: AbortSignal,
): Promise<Record<string, number[]>> {
  const seen: Record<string, number[]> = {};
  const step = Math.max(1, train.length / IMAGES);
  for (let at = 0; Math.floor(at) < train.length; at += step) {
    signal?.throwIfAborted();
    const image = dataset.images[train[Math.floor(at)] ?? -1];
    if (image === undefined) continue;
    const statistics = inputStatistics(await readTensor(dataset.dir, image.file, contract, signal));
    for (const name of INPUT_STATISTICS) (seen[name] ??= []).push(statistics[name]);
  }
  return seen;
}
