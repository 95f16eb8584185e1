/** `hilum train`: a folder of images to a model package, on this machine. */
import { join, resolve } from 'node:path';
import { cacheRoot } from '@hilum/hack';
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
import { readyBaseWeights, readyEngine } from '../engine.ts';
import { noMore, required } from '../flags.ts';
import { trainProgress } from '../progress.ts';
import { recipeFlags, recipeOfFlags, type RecipeValues } from '../recipe-flags.ts';
import { searchFlags, searchOptionsOf, type SearchValues } from '../search-flags.ts';
import { trackingFlags, trackingOf, type TrackingValues } from '../tracking-flags.ts';
import { evaluationText } from './evaluate-text.ts';

export interface TrainValues extends RecipeValues, DatasetValues, SplitValues, TrackingValues {
  readonly out?: string;
  readonly positive?: string;
  readonly checkpoint?: string;
  readonly int8?: boolean;
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
    ...recipeFlags,
    positive: {
      type: 'string',
      description: 'label that AUC-ROC is about; default malignant, else the last',
    },
    ...splitFlags,
    ...trackingFlags,
    int8: {
      type: 'boolean',
      description: 'a quantised ONNX file beside the model, where it costs at most 0.005 AUC on validation',
    },
    checkpoint: {
      type: 'string',
      description:
        'folder, or s3://bucket/prefix, where an unfinished run is kept: the same call goes on from there; `none` for nowhere; default in the user’s cache',
    },
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
  const options = {
    ...(await datasetOf(values)),
    outDir: required('out', values.out),
    cacheDir: cacheOf(values),
    split: splitOf(values),
    ...recipeOfFlags(values),
    ...(values.positive === undefined ? {} : { positiveLabel: values.positive }),
    ...checkpointOf(values),
    ...(values.int8 === true && { int8: true }),
    ...tracked,
  };
  await readyEngine();
  return { ...options, baseWeights: await readyBaseWeights() };
}

function checkpointOf({ checkpoint }: TrainValues): Pick<TrainOptions, 'checkpoint'> {
  if (checkpoint === 'none') return {};
  return { checkpoint: { place: checkpoint ?? join(cacheRoot(), 'checkpoints') } };
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
  const where = info === undefined ? '' : `package: ${info.dir}\n`;
  const registered = model === undefined ? '' : `model: ${model.name}/${model.version}; ${gate.message}\n`;
  // A retry that had nothing left to do but the registration has two figures only.
  const figures =
    details === undefined
      ? `test part: accuracy ${evaluation.accuracy.toFixed(4)}, AUC-ROC ${evaluation.aucRoc.toFixed(4)}\n${NOTICE}\n`
      : evaluationText({ ...details.evaluation, assessment: details.assessment });
  return `${where}${registered}\n${figures}`;
}
