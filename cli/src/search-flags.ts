/** The flags that say how settings are searched for: the same in every command that does. */
import { readSpace, stepsOf, stoppingOf, type SearchOptions, type TrainOptions } from '@hilum/trainer';
import { UsageError } from './command.ts';
import { integer, oneOf, required } from './flags.ts';

export interface SearchValues {
  readonly space?: string;
  readonly trials?: string;
  readonly algorithm?: string;
  readonly 'grid-points'?: string;
  readonly 'search-seed'?: string;
  readonly stopping?: string;
  readonly 'search-folds'?: string;
  readonly 'failed-trials'?: string;
}

export const searchFlags = {
  space: {
    type: 'string',
    description:
      'YAML or JSON: a list of {name, type: double|int, min, max, scale} or {name, type: choice, values}',
  },
  trials: { type: 'string', description: 'how many are started at most; default 20' },
  algorithm: { type: 'string', description: 'random, grid or tpe; default tpe' },
  'grid-points': { type: 'string', description: 'of a grid: values of each continuous parameter; default 5' },
  'search-seed': { type: 'string', description: 'of what is tried; default 7' },
  stopping: {
    type: 'string',
    description: 'what ends a trial early: asha (successive halving), median or none; default none',
  },
  'search-folds': {
    type: 'string',
    description: 'cross-validate each trial in so many folds; default 0: the validation part scores it',
  },
  'failed-trials': { type: 'string', description: 'how many may fail; default 3' },
} as const;

/** @throws UsageError; TrainerError BAD_CONFIG for the space */
export async function searchOptionsOf(
  values: SearchValues,
  settings: Pick<TrainOptions, 'preprocessing' | 'model' | 'hyperparameters' | 'augmentation'>,
  journal: string,
): Promise<SearchOptions> {
  const space = await readSpace(required('space', values.space));
  const kind = oneOf('algorithm', values.algorithm, ['random', 'grid', 'tpe']) ?? 'tpe';
  if (values['grid-points'] !== undefined && kind !== 'grid') {
    throw new UsageError('--grid-points is about a grid: add --algorithm grid');
  }
  const points = integer('grid-points', values['grid-points'], { fallback: 5, min: 1, max: 1000 });
  const folds = integer('search-folds', values['search-folds'], { fallback: 0, min: 0, max: 20 });
  if (folds === 1) throw new UsageError('--search-folds takes 2 or more, or 0 for the validation part');
  const stopping = oneOf('stopping', values.stopping, ['asha', 'median', 'none']) ?? 'none';
  return {
    space,
    algorithm: kind === 'grid' ? { kind, points } : { kind },
    seed: integer('search-seed', values['search-seed'], { fallback: 7, min: 0, max: 2 ** 31 - 1 }),
    trials: integer('trials', values.trials, { fallback: 20, min: 1, max: 10_000 }),
    failedTrials: integer('failed-trials', values['failed-trials'], { fallback: 3, min: 0, max: 10_000 }),
    folds,
    journal,
    ...(stopping !== 'none' && { stopping: stoppingOf(stopping, stepsOf(settings, space, folds)) }),
  };
}
