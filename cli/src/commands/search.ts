/** `hilum search`: tries settings on the training and validation patients, and trains with the best of them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  readSpace,
  searchFolder,
  stepsOf,
  stoppingOf,
  train,
  type FoundSettings,
  type SearchOptions,
  type TrainOptions,
  type TrainResult,
} from '@hilum/trainer';
import { UsageError, type Io } from '../command.ts';
import { table } from '../demo/screen.ts';
import { integer, noMore, oneOf, required } from '../flags.ts';
import { trainProgress } from '../progress.ts';
import { outcomeText, wordsOf } from '../study-progress.ts';
import { trainCommand, trainOptionsOf, type TrainValues } from './train.ts';

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

interface Values extends TrainValues, SearchValues {
  readonly 'no-refit'?: boolean;
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

const { out: _, ...trainFlags } = trainCommand.options;

export const searchCommand = {
  name: 'search',
  summary:
    'Searches for settings on the training and validation patients, then trains with the best. Research use only, not for diagnosis.',
  usage:
    'hilum search --data DIR --space FILE --out DIR [--trials N] [--algorithm random|grid|tpe] [--stopping asha|median|none] [--json]',
  options: {
    out: {
      type: 'string',
      description:
        'folder for study.jsonl (a search that was killed goes on from it), search.json, best.json and model/',
    },
    ...searchFlags,
    'no-refit': { type: 'boolean', description: 'end after the search; train nothing' },
    ...trainFlags,
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const out = required('out', values.out);
  required('space', values.space);
  const options = await trainOptionsOf({ ...values, out: join(out, 'model') });
  const isAlone = values['no-refit'] === true;
  if (isAlone && values.mlflow !== undefined) {
    throw new UsageError('the trials are runs below the one that trains with the best: leave --no-refit out');
  }
  const search = await searchOptionsOf(values, options, join(out, 'study.jsonl'));
  const isQuiet = values.json === true && io.stderr.isTTY !== true;
  const hooks = { signal: io.signal, ...(!isQuiet && { onEvent: trainProgress(io.stderr, Date.now) }) };
  const { preprocessing, model, hyperparameters, augmentation } = options;
  const settings = { preprocessing, model, hyperparameters, augmentation };
  const trained = isAlone ? undefined : await train({ ...options, ...hooks, search });
  // Absent also where an earlier try of a tracked run had uploaded the package: the journal has the trials.
  const found = trained?.search ?? (await searchFolder({ ...options, ...hooks, settings, search }));
  await mkdir(out, { recursive: true });
  await write(join(out, 'search.json'), { ...summary(found), trials: found.trials });
  await write(join(out, 'best.json'), [{ name: 'best', ...found.best.parameters }]);
  const test = trained === undefined ? {} : { test: testOf(trained), run: trained.run, model: trained.model };
  io.stdout.write(
    values.json === true
      ? `${JSON.stringify({ ...summary(found), ...test, notice: NOTICE })}\n`
      : readable(found, trained),
  );
  return 0;
}

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

async function write(path: string, content: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`);
}

const NOTICE = 'Research use only, not for diagnosis.';

function summary({ best, settings, trials }: FoundSettings): object {
  const states = Map.groupBy(trials, ({ state }) => state);
  return {
    best,
    settings,
    counts: Object.fromEntries([...states].map(([state, own]) => [state, own.length])),
  };
}

function testOf({ evaluation, package: info, digest }: TrainResult): object {
  return { ...evaluation, package: info?.dir, digest };
}

function readable({ best, trials }: FoundSettings, trained: TrainResult | undefined): string {
  const rows = trials
    .toSorted((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity))
    .slice(0, 10)
    .map((trial) => [String(trial.number), outcomeText(trial), wordsOf(trial.parameters)]);
  const head = ['trial', 'validation AUC', 'parameters'];
  const value = best.value?.toFixed(4);
  const chosen = `best: trial ${best.number}; its validation AUC of ${value} chose it and flatters it\n`;
  const test =
    trained === undefined
      ? ''
      : `test AUC-ROC ${trained.evaluation.aucRoc.toFixed(4)} on ${trained.evaluation.samples} images; package: ${trained.package?.dir}\n`;
  return `${table([head, ...rows])}\n${chosen}${test}${NOTICE}\n`;
}
