/** `hilum train`: a folder of images to a model package, on this machine. */
import { resolve } from 'node:path';
import { createMlflow } from '@hilum/mlflow';
import { train, type TrainOptions, type TrainResult } from '@hilum/trainer';
import { UsageError, type Io } from '../command.ts';
import {
  cacheOf,
  datasetFlags,
  datasetOf,
  splitFlags,
  splitOf,
  type DatasetValues,
  type SplitValues,
} from '../dataset-flags.ts';
import { table } from '../demo/screen.ts';
import { readyBaseWeights, readyEngine } from '../engine.ts';
import { hounsfieldWindow, integer, noMore, number, required } from '../flags.ts';
import { trainProgress } from '../progress.ts';
import { recipeFlags, recipeOfFlags, type RecipeValues } from '../recipe-flags.ts';
import { searchFlags, searchOptionsOf, type SearchValues } from '../search-flags.ts';

export interface TrainValues extends RecipeValues, DatasetValues, SplitValues {
  readonly out?: string;
  readonly 'input-size'?: string;
  readonly window?: string;
  readonly positive?: string;
  readonly mlflow?: string;
  readonly experiment?: string;
  readonly register?: string;
  readonly alias?: string;
  readonly 'min-auc'?: string;
  readonly cache?: string;
  readonly json?: boolean;
}

interface Values extends TrainValues, Omit<SearchValues, 'space'> {
  readonly search?: string;
}

const { space: _, ...studyFlags } = searchFlags;

export const trainCommand = {
  name: 'train',
  summary:
    'Trains VGG16 on a folder of images and writes a model package. Research use only, not for diagnosis.',
  usage:
    'hilum train --data DIR --out DIR [--epochs N] [--input-size N] [--search FILE] [--mlflow URL [--register NAME]] [--json]',
  options: {
    ...datasetFlags,
    out: { type: 'string', description: 'folder for the model package; a package that is there is replaced' },
    'input-size': {
      type: 'string',
      description: 'edge of the square that the network sees, 32 to 512; default 224',
    },
    window: {
      type: 'string',
      description: 'CENTER/WIDTH in HU: a model of pictures takes DICOM rendered by it',
    },
    ...recipeFlags,
    positive: {
      type: 'string',
      description: 'label that AUC-ROC is about; default malignant, else the last',
    },
    ...splitFlags,
    mlflow: {
      type: 'string',
      description: 'tracking server; default $HILUM_MLFLOW_URI, else the run is not tracked',
    },
    experiment: { type: 'string', description: 'MLflow experiment; default hilum' },
    register: { type: 'string', description: 'name under which the model is registered in MLflow' },
    alias: { type: 'string', description: 'moved to the new version past the gate; default champion' },
    'min-auc': { type: 'string', description: 'the gate: least AUC-ROC on the test part, 0 to 1' },
    search: {
      type: 'string',
      description: 'search for settings first, in the space of this file; see hilum search',
    },
    ...studyFlags,
    cache: { type: 'string', description: 'folder of computed features; default in the user’s cache' },
    json: { type: 'boolean', description: 'print the result as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const asked = await withSearch(values, await trainOptionsOf(values));
  const onEvent =
    values.json === true && io.stderr.isTTY !== true ? undefined : trainProgress(io.stderr, Date.now);
  const result = await train({ ...asked, signal: io.signal, ...(onEvent === undefined ? {} : { onEvent }) });
  io.stdout.write(values.json === true ? `${JSON.stringify(machineReadable(result))}\n` : readable(result));
  return 0;
}

async function withSearch(values: Values, options: TrainOptions): Promise<TrainOptions> {
  if (values.search === undefined) {
    const idle = Object.keys(studyFlags).find((flag) => Object.hasOwn(values, flag));
    if (idle !== undefined) throw new UsageError(`--${idle} is about a search: add --search FILE`);
    return options;
  }
  // Beside the package, which is replaced: by it a search that was killed goes on.
  const journal = `${resolve(options.outDir)}.study.jsonl`;
  return { ...options, search: await searchOptionsOf({ ...values, space: values.search }, options, journal) };
}

/** @throws UsageError, SetupError */
export async function trainOptionsOf(values: TrainValues): Promise<TrainOptions> {
  const tracked = trackingOf(values);
  const window = hounsfieldWindow('window', values.window);
  const options = {
    ...(await datasetOf(values)),
    outDir: required('out', values.out),
    cacheDir: cacheOf(values),
    split: splitOf(values),
    preprocessing: {
      inputSize: integer('input-size', values['input-size'], { fallback: 224, min: 32, max: 512 }),
      ...(window === undefined ? {} : { window }),
    },
    ...recipeOfFlags(values),
    ...(values.positive === undefined ? {} : { positiveLabel: values.positive }),
    ...tracked,
  };
  await readyEngine();
  return { ...options, baseWeights: await readyBaseWeights() };
}

function trackingOf(values: TrainValues): Pick<TrainOptions, 'tracking' | 'registration'> {
  const baseUrl = values.mlflow ?? process.env['HILUM_MLFLOW_URI'];
  const minAucRoc = number('min-auc', values['min-auc'], { fallback: Number.NaN, min: 0, max: 1 });
  if (values.register === undefined && (values.alias !== undefined || values['min-auc'] !== undefined)) {
    throw new UsageError('--alias and --min-auc are about a model that is registered: add --register NAME');
  }
  if (baseUrl === undefined) {
    if (values.register !== undefined) throw new UsageError('--register needs --mlflow URL');
    return {};
  }
  const username = process.env['MLFLOW_TRACKING_USERNAME'];
  const password = process.env['MLFLOW_TRACKING_PASSWORD'];
  const mlflow = createMlflow({
    baseUrl,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  const tracking = { mlflow, experiment: values.experiment ?? 'hilum', runName: 'hilum train' };
  if (values.register === undefined) return { tracking };
  const gate = Number.isNaN(minAucRoc) ? {} : { gate: { minAucRoc } };
  return { tracking, registration: { model: values.register, alias: values.alias ?? 'champion', ...gate } };
}

const NOTICE = 'Research use only, not for diagnosis.';

function machineReadable(result: TrainResult): unknown {
  const { details, package: info, digest, dataset, evaluation, gate, run, model, search } = result;
  return {
    package: info?.dir,
    digest,
    dataset,
    evaluation: { ...evaluation, perUnit: details?.evaluation.perUnit },
    gate,
    run,
    model,
    search: search?.best,
    notice: NOTICE,
  };
}

function readable({ details, evaluation, package: info, gate, model }: TrainResult): string {
  const units = details?.evaluation.perUnit;
  const rows = [
    ['test part', 'samples', 'accuracy', 'AUC-ROC'],
    ['images', String(evaluation.samples), evaluation.accuracy.toFixed(4), evaluation.aucRoc.toFixed(4)],
    ...(units === undefined
      ? []
      : [['units', String(units.samples), units.accuracy.toFixed(4), units.aucRoc.toFixed(4)]]),
  ];
  const where = info === undefined ? '' : `package: ${info.dir}\n`;
  const registered = model === undefined ? '' : `model: ${model.name}/${model.version}; ${gate.message}\n`;
  return `${table(rows)}\n${where}${registered}${NOTICE}\n`;
}
