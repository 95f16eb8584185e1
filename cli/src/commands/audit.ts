/** `hilum audit`: whether a split is honest, before anybody trains on it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  JoinedGroups,
  PARTS,
  auditLeakage,
  chooseSplit,
  labelDataset,
  manifestAt,
  sentenceOf,
  splitDigest,
  writeSplit,
  type Audit,
} from '@hilum/trainer';
import type { Io } from '../command.ts';
import {
  cacheOf,
  datasetFlags,
  datasetOf,
  splitFlags,
  splitOf,
  type DatasetValues,
  type SplitValues,
} from '../dataset-flags.ts';
import { bar, table } from '../demo/screen.ts';
import { integer, noMore } from '../flags.ts';

interface Values extends DatasetValues, SplitValues {
  readonly out?: string;
  readonly record?: string;
  readonly regroup?: string;
  readonly limit?: string;
  readonly cache?: string;
  readonly json?: boolean;
}

const EXIT_LEAKS = 65;

export const auditCommand = {
  name: 'audit',
  summary:
    'Looks for patients, equal and nearly equal pictures on two sides of a split, and for pictures with two labels.',
  usage: 'hilum audit --data DIR [--labels FILE] [--split FILE] [--record FILE] [--out FILE] [--json]',
  options: {
    ...datasetFlags,
    ...splitFlags,
    record: { type: 'string', description: 'write the split to this file, where nothing leaks' },
    regroup: {
      type: 'string',
      description: 'write a manifest.csv in which groups that share a picture are one, for --labels',
    },
    out: { type: 'string', description: 'write what was found to this JSON file' },
    limit: { type: 'string', description: 'how many pairs are named; default 20' },
    cache: { type: 'string', description: 'folder of fingerprints; default in the user’s cache' },
    json: { type: 'boolean', description: 'print what was found as one JSON object' },
  },
  run,
} as const;

/** What is true of the images and their split, whichever machine looked. */
interface Report extends Pick<Audit, 'passed' | 'findings' | 'counts' | 'method'> {
  readonly split: { readonly sha256: string; readonly seed: number };
}

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const asked = splitOf(values);
  const limit = integer('limit', values.limit, { fallback: 20, min: 1, max: 1000 });
  const { dataDir, labels } = await datasetOf(values);
  const { images } = await labelDataset(dataDir, labels, { signal: io.signal });
  const split = await chooseSplit({ images }, asked);
  const groups = new JoinedGroups();
  const isTerminal = io.stderr.isTTY === true;
  const audit = await auditLeakage({
    dir: dataDir,
    images,
    sides: split.sides,
    cacheDir: join(cacheOf(values), 'prints'),
    limit,
    signal: io.signal,
    onAlike: (a, b) => groups.join(a.group, b.group),
    onProgress: ({ stage, images: done, totalImages }) => {
      if (isTerminal) io.stderr.write(`\r\u001B[2K${stage.padEnd(8)}  ${bar(done, totalImages)}`);
    },
  });
  if (isTerminal) io.stderr.write('\n');
  const { passed, findings, counts, method } = audit;
  const named = { sha256: splitDigest(split), seed: split.seed };
  const report = { passed, split: named, counts, findings, method };
  if (values.out !== undefined) await write(values.out, `${JSON.stringify(report, null, 2)}\n`);
  if (values.regroup !== undefined) {
    const regrouped = images.map((image) =>
      Object.assign({}, image, { patient: groups.nameOf(image.patient) }),
    );
    await write(values.regroup, manifestAt(values.regroup, dataDir, regrouped));
  }
  if (values.record !== undefined && passed) {
    await mkdir(dirname(values.record), { recursive: true });
    await writeSplit(values.record, split);
  }
  const joined =
    values.regroup === undefined
      ? ''
      : `${groups.joined} groups became part of another in ${values.regroup}\n`;
  io.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : readable(report) + joined);
  return passed ? 0 : EXIT_LEAKS;
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

function readable({ passed, counts: c, findings, split, method }: Report): string {
  const sides = PARTS.map((part) => `${c.sides[part] ?? 0} ${part}`);
  const rows = [
    ['pairs', 'across sides', 'on one side'],
    ['of one patient', String(c.groupsOnTwoSides), '-'],
    ['equal', String(c.exactAcross), String(c.exactWithin)],
    [`nearly equal (r > ${method.threshold})`, String(c.nearAcross), String(c.nearWithin)],
    ['equal, with two labels', String(c.labelConflicts), ''],
    ['nearly equal, with two labels', String(c.nearLabelConflicts), ''],
  ];
  const named = findings.map((finding) => `${finding.severity}: ${sentenceOf(finding)}\n`);
  const verdict = passed
    ? 'nothing is on two sides'
    : 'the split leaks: figures of its test part would be untrue';
  const { sha256, seed } = split;
  return (
    `${c.images} images: ${sides.join(', ')}; split ${sha256.slice(0, 12)}, seed ${seed}\n` +
    `${table(rows)}\n${named.join('')}${verdict}\n`
  );
}
