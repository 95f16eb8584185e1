/** `hilum evaluate`: a model package on a folder of images. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { evaluate, rocCsv, type Evaluation } from '@hilum/trainer';
import type { Io } from '../command.ts';
import { bar, table } from '../demo/screen.ts';
import { readyEngine } from '../engine.ts';
import { noMore, oneOf, required } from '../flags.ts';

interface Values {
  readonly model?: string;
  readonly data?: string;
  readonly part?: string;
  readonly metrics?: string;
  readonly roc?: string;
  readonly json?: boolean;
}

export const evaluateCommand = {
  name: 'evaluate',
  summary: 'Accuracy and AUC-ROC per image and per patient or nodule. Research use only, not for diagnosis.',
  usage: 'hilum evaluate --model DIR --data DIR [--part test|all|train|validation] [--json]',
  options: {
    model: { type: 'string', description: 'folder of the model package' },
    data: { type: 'string', description: 'images: <label>/<patient>/… of DICOM, or of PNG and JPEG' },
    part: {
      type: 'string',
      description: 'which images; default test where the model has seen patients of the folder, else all',
    },
    metrics: { type: 'string', description: 'write the figures to this JSON file' },
    roc: { type: 'string', description: 'write the ROC curve of the images to this CSV file' },
    json: { type: 'boolean', description: 'print figures and every score as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const part = oneOf('part', values.part, ['test', 'all', 'train', 'validation']);
  const isTerminal = io.stderr.isTTY === true;
  const packageDir = required('model', values.model);
  const dataDir = required('data', values.data);
  await readyEngine();
  const result = await evaluate({
    packageDir,
    dataDir,
    signal: io.signal,
    ...(part === undefined ? {} : { part }),
    onProgress: ({ images, totalImages }) => {
      if (isTerminal) io.stderr.write(`\r\u001B[2Kscoring   ${bar(images, totalImages)}`);
    },
  });
  if (isTerminal) io.stderr.write('\n');
  if (values.metrics !== undefined)
    await write(values.metrics, `${JSON.stringify(figures(result), null, 2)}\n`);
  if (values.roc !== undefined) await write(values.roc, rocCsv(result));
  io.stdout.write(values.json === true ? `${JSON.stringify(result)}\n` : readable(result));
  return 0;
}

/** The figures alone, for `dvc metrics`: it compares what it finds, so no lists here. */
function figures({ part, samples, accuracy, aucRoc, perUnit }: Evaluation): unknown {
  return { part, images: { samples, accuracy, aucRoc }, units: perUnit };
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

function readable(result: Evaluation): string {
  const { part, samples, accuracy, aucRoc, perUnit, note, positiveLabel, refused = [] } = result;
  const rows = [
    [`part: ${part}`, 'samples', 'accuracy', `AUC-ROC (${positiveLabel})`],
    ['images', String(samples), accuracy.toFixed(4), aucRoc.toFixed(4)],
    ['units', String(perUnit.samples), perUnit.accuracy.toFixed(4), perUnit.aucRoc.toFixed(4)],
  ];
  const [first] = refused;
  const outside =
    first === undefined
      ? ''
      : `not scored: ${refused.length} images outside the model's domain, the first ${first.file} (${first.code})\n`;
  return `${table(rows)}\n${outside}${note}\n`;
}
