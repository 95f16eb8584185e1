/** `hilum search`: tries settings on the training and validation patients, and trains with the best of them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { searchFolder, train, type FoundSettings, type TrainResult } from '@hilum/trainer';
import { UsageError, type Io } from '../command.ts';
import { table } from '../demo/screen.ts';
import { noMore, required } from '../flags.ts';
import { trainProgress } from '../progress.ts';
import { searchFlags, searchOptionsOf, type SearchValues } from '../search-flags.ts';
import { outcomeText, wordsOf } from '../study-progress.ts';
import { trainCommand, trainOptionsOf, type TrainValues } from './train.ts';

interface Values extends TrainValues, SearchValues {
  readonly 'no-refit'?: boolean;
}

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
