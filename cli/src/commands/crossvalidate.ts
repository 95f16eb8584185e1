/** `hilum crossvalidate`: how good settings are, when everything that is chosen is chosen inside of each fold. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  crossValidateFolder,
  readCandidates,
  wordOf,
  type CrossValidation,
  type LevelSummary,
} from '@hilum/trainer';
import { UsageError, type Io } from '../command.ts';
import { cacheOf, datasetFlags, datasetOf, type DatasetValues } from '../dataset-flags.ts';
import { table } from '../demo/screen.ts';
import { readyBaseWeights, readyEngine } from '../engine.ts';
import { integer, noMore, required } from '../flags.ts';
import { recipeFlags, recipeOfFlags, type RecipeValues } from '../recipe-flags.ts';
import { searchFlags, searchOptionsOf, type SearchValues } from '../search-flags.ts';
import { foldProgress } from '../study-progress.ts';

interface Values extends DatasetValues, RecipeValues, Omit<SearchValues, 'search-folds'> {
  readonly out?: string;
  readonly candidates?: string;
  readonly folds?: string;
  readonly repeats?: string;
  readonly 'inner-folds'?: string;
  readonly 'fold-seed'?: string;
  readonly positive?: string;
  readonly cache?: string;
  readonly json?: boolean;
}

const { 'search-folds': _, ...studyFlags } = searchFlags;

export const crossvalidateCommand = {
  name: 'crossvalidate',
  summary:
    'Cross-validates by patient, settings chosen inside of each fold, beside shortcut baselines. Research use only, not for diagnosis.',
  usage:
    'hilum crossvalidate --data DIR --out DIR [--candidates FILE | --space FILE] [--folds N] [--repeats N] [--json]',
  options: {
    ...datasetFlags,
    out: {
      type: 'string',
      description: 'folder for crossvalidation.json and the journals; one that was killed goes on from them',
    },
    candidates: {
      type: 'string',
      description: 'YAML or JSON: a list of changes to the settings; each fold chooses one of them',
    },
    ...studyFlags,
    folds: { type: 'string', description: 'into which the patients are dealt; default 5' },
    repeats: { type: 'string', description: 'how often they are dealt anew; default 3' },
    'inner-folds': { type: 'string', description: 'by which a fold chooses settings and epoch; default 4' },
    'fold-seed': { type: 'string', description: 'of who lands in which fold; default 7' },
    ...recipeFlags,
    positive: {
      type: 'string',
      description: 'label that AUC-ROC is about; default malignant, else the last',
    },
    cache: { type: 'string', description: 'folder of computed features; default in the user’s cache' },
    json: { type: 'boolean', description: 'print the figures as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const out = required('out', values.out);
  const settings = recipeOfFlags(values);
  const parts = {
    seed: integer('fold-seed', values['fold-seed'], { fallback: 7, min: 0, max: 2 ** 31 - 1 }),
    folds: integer('folds', values.folds, { fallback: 5, min: 2, max: 100 }),
    repeats: integer('repeats', values.repeats, { fallback: 3, min: 1, max: 100 }),
    innerFolds: integer('inner-folds', values['inner-folds'], { fallback: 4, min: 2, max: 20 }),
  };
  const choice = await choiceOf(values, settings, parts.innerFolds);
  const dataset = await datasetOf(values);
  await readyEngine();
  const isQuiet = values.json === true && io.stderr.isTTY !== true;
  const result = await crossValidateFolder({
    ...dataset,
    ...parts,
    settings,
    choice,
    ...(values.positive !== undefined && { positiveLabel: values.positive }),
    failedTrials: integer('failed-trials', values['failed-trials'], { fallback: 3, min: 0, max: 10_000 }),
    cacheDir: cacheOf(values),
    baseWeights: await readyBaseWeights(),
    dir: out,
    signal: io.signal,
    ...(!isQuiet && { onEvent: foldProgress(io.stderr, Date.now) }),
  });
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'crossvalidation.json'), `${JSON.stringify(result, null, 2)}\n`);
  const { scores: _scores, ...figures } = result;
  io.stdout.write(values.json === true ? `${JSON.stringify(figures)}\n` : readable(result));
  return 0;
}

async function choiceOf(
  values: Values,
  settings: Parameters<typeof searchOptionsOf>[1],
  innerFolds: number,
): Promise<Parameters<typeof crossValidateFolder>[0]['choice']> {
  const { candidates, space } = values;
  if (candidates !== undefined && space !== undefined) {
    throw new UsageError('--candidates and --space are two ways to choose: leave one of them out');
  }
  if (space === undefined) {
    const asked = Object.keys(studyFlags).filter((flag) => flag !== 'space' && flag !== 'failed-trials');
    const idle = asked.find((flag) => Object.hasOwn(values, flag));
    if (idle !== undefined) throw new UsageError(`--${idle} is about a search: add --space FILE`);
    if (candidates !== undefined) return { candidates: await readCandidates(candidates) };
    return { candidates: [{ name: 'as asked', parameters: {} }] };
  }
  const search = await searchOptionsOf({ ...values, 'search-folds': String(innerFolds) }, settings, '');
  const { stopping, algorithm, trials } = search;
  if (stopping?.kind === 'asha') {
    throw new UsageError('--stopping is median or none here: an inner trial has a few folds for steps');
  }
  return { space: search.space, algorithm, trials, ...(stopping !== undefined && { stopping }) };
}

function readable({ levels, choices, repeats, positiveLabel, note }: CrossValidation): string {
  const heads = [
    `AUC-ROC (${positiveLabel})`,
    'samples',
    'patients',
    'mean (95 %)',
    ...Array.from({ length: repeats }, (_, repeat) => `repeat ${repeat + 1}`),
    'folds: mean ± sd, least to greatest',
  ];
  const rows = Object.entries(levels).map(([name, level]) => levelRow(name, level));
  const shortcuts = Object.entries(levels).flatMap(([name, level]) => shortcutRows(name, level));
  const difference = ['beside a shortcut', 'of', 'AUC-ROC', 'model less shortcut (95 %)'];
  const chosen = Object.entries(choices).map(([name, count]) => `${name} ${count}`);
  const baselines = shortcuts.length === 0 ? '' : `${table([difference, ...shortcuts])}\n\n`;
  return `${table([heads, ...rows])}\n\n${baselines}chosen: ${chosen.join(', ')}\n${note}\n`;
}

function levelRow(name: string, { samples, groups, aucRoc }: LevelSummary): readonly string[] {
  const counts = [`${name}s`, String(samples), String(groups)];
  if ('notDefined' in aucRoc) return [...counts, aucRoc.notDefined];
  const { mean, perRepeat, perFold, interval } = aucRoc;
  const folds =
    'notDefined' in perFold
      ? perFold.notDefined
      : `${text(perFold.mean)} ± ${text(perFold.sd)}, ${text(perFold.min)} to ${text(perFold.max)}`;
  return [...counts, `${text(mean)} ${rangeOf(interval)}`, ...perRepeat.map(text), folds];
}

function shortcutRows(name: string, { shortcuts }: LevelSummary): readonly (readonly string[])[] {
  return Object.entries(shortcuts).map(([feature, figures]) =>
    'notDefined' in figures
      ? [wordOf(feature), `${name}s`, figures.notDefined]
      : [
          wordOf(feature),
          `${name}s`,
          text(figures.aucRoc),
          `${figures.difference > 0 ? '+' : ''}${text(figures.difference)} ${rangeOf(figures.interval)}`,
        ],
  );
}

type Interval = { readonly low: number; readonly high: number } | { readonly notDefined: string };

function rangeOf(interval: Interval): string {
  return 'notDefined' in interval
    ? `(${interval.notDefined})`
    : `(${text(interval.low)} to ${text(interval.high)})`;
}

function text(value: number): string {
  return value.toFixed(3);
}
