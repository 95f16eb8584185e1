/** A network that was trained → what is decided on validation, and what is found on the untouched test part. */
import type { Decision } from '@hilum/model';
import { assess } from './evaluation/assess.ts';
import type { Assessment } from './evaluation/assessment.ts';
import { decide } from './evaluation/decide.ts';
import { readFactsOf } from './evaluation/facts.ts';
import type { Champion } from './evaluation/opponents.ts';
import { byLabel, summarise, type Evaluation, type ImageScore } from './evaluation.ts';
import type { Plan } from './plan.ts';
import type { FittedNetwork } from './workbench.ts';

export interface Examination {
  /** Scores of the test part, image by image. */
  readonly evaluation: Evaluation;
  /** Scores by which it was decided. */
  readonly validation: readonly ImageScore[];
  readonly decision: Decision;
  readonly assessment: Assessment;
}

/** @throws TrainerError UNREADABLE_IMAGE, NOT_A_NUMBER */
export async function examine(
  { dataset, parts, positiveLabel }: Plan,
  network: Pick<FittedNetwork, 'predict'>,
  {
    seed,
    champion,
    signal,
  }: {
    readonly seed: number;
    readonly champion?: Champion | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Examination> {
  const classes = { labels: dataset.labels, positiveLabel };
  const scoresOf = async (indices: readonly number[]): Promise<readonly ImageScore[]> => {
    const rows = await network.predict(indices);
    return indices.flatMap((index, at) => {
      const image = dataset.images[index];
      if (image === undefined) return [];
      return [{ ...image, probabilities: byLabel(dataset.labels, rows[at] ?? []) }];
    });
  };
  const train = await scoresOf(parts.train);
  const validation = await scoresOf(parts.validation);
  const judged = [...parts.validation, ...parts.test].flatMap((index) => dataset.images[index] ?? []);
  const facts = await readFactsOf(dataset.dir, judged, { signal });
  // Before a score of the test part is known.
  const decision = decide({ ...classes, train, validation, facts });
  const test = await scoresOf(parts.test);
  const evaluation = summarise(test, { ...classes, part: 'test' });
  const input = { ...classes, part: 'test', scores: test, decision, facts } as const;
  const assessment = assess({ ...input, ...(champion !== undefined && { champion }) }, { seed });
  return { evaluation, validation, decision, assessment };
}
