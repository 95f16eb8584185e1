/** `hilum evaluate`: a model package on a folder of images. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { assessmentFiles, evaluate, metricsFile, rocCsv, type EvaluatedPackage } from '@hilum/trainer';
import { UsageError, type Io } from '../command.ts';
import { datasetFlags, datasetOf, type DatasetValues } from '../dataset-flags.ts';
import { bar } from '../demo/screen.ts';
import { readyEngine } from '../engine.ts';
import { integer, noMore, oneOf, required } from '../flags.ts';
import { evaluationText } from './evaluate-text.ts';

interface Values extends DatasetValues {
  readonly model?: string;
  readonly part?: string;
  readonly against?: string;
  readonly prevalence?: string;
  readonly seed?: string;
  readonly out?: string;
  readonly metrics?: string;
  readonly roc?: string;
  readonly json?: boolean;
}

export const evaluateCommand = {
  name: 'evaluate',
  summary:
    'Figures of a model with their intervals, by image, nodule and patient. Research use only, not for diagnosis.',
  usage:
    'hilum evaluate --model DIR --data DIR [--labels FILE] [--part test|all|train|validation] [--against DIR] [--out DIR] [--json]',
  options: {
    model: { type: 'string', description: 'folder of the model package' },
    ...datasetFlags,
    part: {
      type: 'string',
      description: 'which images; default test where the model has seen patients of the folder, else all',
    },
    against: { type: 'string', description: 'folder of another package to compare with on the same images' },
    prevalence: {
      type: 'string',
      description: 'of disease, by commas, for predictive values; default 0.01,0.05',
    },
    seed: { type: 'string', description: 'of the bootstrap; default 7' },
    out: { type: 'string', description: 'write figures, curves, plots and the model card into this folder' },
    metrics: { type: 'string', description: 'write the figures to this JSON file' },
    roc: { type: 'string', description: 'write the ROC curve of the images to this CSV file' },
    json: { type: 'boolean', description: 'print figures and every score as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const part = oneOf('part', values.part, ['test', 'all', 'train', 'validation']);
  const prevalences = prevalencesOf(values.prevalence);
  const seed = integer('seed', values.seed, { fallback: 7, min: 0, max: 2 ** 31 - 1 });
  const isTerminal = io.stderr.isTTY === true;
  const packageDir = required('model', values.model);
  const { dataDir, labels } = await datasetOf(values);
  await readyEngine();
  const result = await evaluate({
    packageDir,
    dataDir,
    labels,
    seed,
    signal: io.signal,
    ...(part !== undefined && { part }),
    ...(values.against !== undefined && { againstDir: values.against }),
    ...(prevalences !== undefined && { prevalences }),
    onProgress: ({ images, totalImages }) => {
      if (isTerminal) io.stderr.write(`\r\u001B[2Kscoring   ${bar(images, totalImages)}`);
    },
  });
  if (isTerminal) io.stderr.write('\n');
  await writeFiles(values, result);
  io.stdout.write(values.json === true ? `${JSON.stringify(result)}\n` : evaluationText(result));
  return 0;
}

async function writeFiles({ out, metrics, roc }: Values, result: EvaluatedPackage): Promise<void> {
  const { assessment, ...evaluation } = result;
  if (metrics !== undefined) await write(metrics, json(metricsFile(assessment)));
  if (roc !== undefined) await write(roc, rocCsv(result));
  if (out === undefined) return;
  await write(join(out, 'evaluation.json'), json(evaluation));
  for (const [name, bytes] of Object.entries(await assessmentFiles({ assessment })))
    await write(join(out, name), bytes);
}

/** @throws UsageError */
function prevalencesOf(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const list = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (list.length <= 10 && list.every((part) => part > 0 && part < 1)) return list;
  throw new UsageError(`--prevalence is up to ten numbers between 0 and 1 by commas, not ${text}`);
}

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
