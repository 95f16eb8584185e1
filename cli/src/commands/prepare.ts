/** `hilum prepare`: what is in a folder of images, checked before anybody trains on it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { datasetMd5, scanDataset, splitByPatient } from '@hilum/trainer';
import type { Io } from '../command.ts';
import { integer, noMore, required } from '../flags.ts';

interface Values {
  readonly data?: string;
  readonly out?: string;
  readonly validation?: string;
  readonly test?: string;
  readonly 'split-seed'?: string;
  readonly json?: boolean;
}

export const prepareCommand = {
  name: 'prepare',
  summary: 'Checks a folder of images and writes its kind, labels, DVC pin and patient split.',
  usage: 'hilum prepare --data DIR --out FILE [--validation PERCENT] [--test PERCENT] [--json]',
  options: {
    data: { type: 'string', description: 'images: <label>/<patient>/… of DICOM, or of PNG and JPEG' },
    out: { type: 'string', description: 'JSON file to write' },
    validation: { type: 'string', description: 'percent of the patients that choose the epoch; default 20' },
    test: { type: 'string', description: 'percent of the patients that judge; default 20' },
    'split-seed': { type: 'string', description: 'of who lands in which part; default 7' },
    json: { type: 'boolean', description: 'print the same as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const dir = required('data', values.data);
  const out = required('out', values.out);
  const options = {
    seed: integer('split-seed', values['split-seed'], { fallback: 7, min: 0, max: 2 ** 31 - 1 }),
    validationPercent: integer('validation', values.validation, { fallback: 20, min: 1, max: 60 }),
    testPercent: integer('test', values.test, { fallback: 20, min: 1, max: 60 }),
  };
  const { kind, labels, images, ignored } = await scanDataset(dir, { signal: io.signal });
  const split = splitByPatient(images, options);
  const md5 = await datasetMd5(dir, io.signal);
  const perLabel = Object.fromEntries(
    labels.map((label) => [label, images.filter((image) => image.label === label).length]),
  );
  const found = { md5, kind, images: perLabel, ignored, split: { ...options, patients: split } };
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, `${JSON.stringify(found, null, 2)}\n`);
  const { train, validation, test } = split;
  const parts = `${train.length} train, ${validation.length} validation, ${test.length} test`;
  io.stdout.write(
    values.json === true
      ? `${JSON.stringify(found)}\n`
      : `${images.length} images (${kind}), ${md5}; patients: ${parts}\n`,
  );
  return 0;
}
