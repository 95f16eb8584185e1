/** `hilum prepare`: what is in a folder of images, checked before anybody trains on it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  PARTS,
  chooseSplit,
  datasetMd5,
  labelDataset,
  splitDigest,
  writeSplit,
  type DatasetImage,
} from '@hilum/trainer';
import type { Io } from '../command.ts';
import {
  datasetFlags,
  datasetOf,
  splitFlags,
  splitOf,
  type DatasetValues,
  type SplitValues,
} from '../dataset-flags.ts';
import { noMore, required } from '../flags.ts';

interface Values extends DatasetValues, SplitValues {
  readonly out?: string;
  readonly record?: string;
  readonly json?: boolean;
}

export const prepareCommand = {
  name: 'prepare',
  summary: 'Checks a folder of images and writes its kind, labels, DVC pin and patient split.',
  usage: 'hilum prepare --data DIR --out FILE [--labels FILE] [--split FILE] [--record FILE] [--json]',
  options: {
    ...datasetFlags,
    ...splitFlags,
    out: { type: 'string', description: 'JSON file to write: pin, kind, labels, and what is on which side' },
    record: { type: 'string', description: 'write the split to this file, for --split of other commands' },
    json: { type: 'boolean', description: 'print the same as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const out = required('out', values.out);
  const asked = splitOf(values);
  const { dataDir, labels } = await datasetOf(values);
  const dataset = await labelDataset(dataDir, labels, { signal: io.signal });
  const { kind, images, ignored, unlabelled, labelsSha256 } = dataset;
  const split = await chooseSplit(dataset, asked);
  const md5 = await datasetMd5(dataDir, io.signal);
  const { seed, fractions, sides } = split;
  const parts = Object.fromEntries(
    PARTS.map((part) => [part, summary(images.filter(({ file }) => sides[file] === part))]),
  );
  const found = {
    md5,
    kind,
    images: images.length,
    labels: perLabel(images),
    labelsSha256,
    ignored,
    unlabelled,
    split: { sha256: splitDigest(split), seed, fractions, parts },
  };
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, `${JSON.stringify(found, null, 2)}\n`);
  if (values.record !== undefined) {
    await mkdir(dirname(values.record), { recursive: true });
    await writeSplit(values.record, split);
  }
  const patients = Object.entries(parts).map(([side, part]) => `${part.patients} ${side}`);
  io.stdout.write(
    values.json === true
      ? `${JSON.stringify(found)}\n`
      : `${images.length} images (${kind}), ${md5}; patients: ${patients.join(', ')}\n`,
  );
  return 0;
}

interface Side {
  readonly patients: number;
  readonly images: number;
  readonly labels: Readonly<Record<string, number>>;
}

function summary(images: readonly DatasetImage[]): Side {
  const patients = new Set(images.map(({ patient }) => patient)).size;
  return { patients, images: images.length, labels: perLabel(images) };
}

/** Images by label. */
function perLabel(images: readonly DatasetImage[]): Readonly<Record<string, number>> {
  const groups = Map.groupBy(images, ({ label }) => label);
  return Object.fromEntries([...groups].map(([label, own]) => [label, own.length]));
}
