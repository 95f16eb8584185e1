/** Datasets of growing size: exams of LIDC-IDRI with all their nodules, and the split that both sides train on. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { chooseSplit, scanDataset, writeSplit, type DatasetImage } from '@hilum/trainer';

const repository = resolve(import.meta.dirname, '../..');
const LIDC = resolve(repository, process.env['HILUM_DATA'] ?? '../shared/data', 'lidc-nodules');

/** Why nothing can be trained, or false. */
export const noData: string | false = existsSync(LIDC)
  ? false
  : 'no data: set HILUM_DATA to the folder of real images';

export type BenchData = {
  /** `<label>/<exam>/…`, links to the real files. */
  readonly dir: string;
  readonly labels: readonly string[];
  readonly images: readonly DatasetImage[];
  /** File of the split, as `writeSplit` makes it: both sides read this one. */
  readonly split: string;
  /** Images on each side. */
  readonly parts: Readonly<Record<'train' | 'validation' | 'test', number>>;
};

const SPLIT = { seed: 5, validationPercent: 15, testPercent: 25 };

/** The first exams in the order of a hash of their name, so that a larger set holds the smaller ones. */
export async function benchData(scratch: string, exams: number): Promise<BenchData> {
  const whole = await scanDataset(LIDC);
  const names = [...new Set(whole.images.map(({ patient }) => patient))].toSorted(byHash);
  const chosen = new Set(names.slice(0, exams));
  const dir = join(scratch, `exams-${exams}`);
  for (const { file, patient } of whole.images) {
    if (!chosen.has(patient)) continue;
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await symlink(join(LIDC, file), join(dir, file));
  }
  const dataset = await scanDataset(dir);
  const record = await chooseSplit(dataset, SPLIT);
  const split = join(scratch, `split-${exams}.json`);
  await writeSplit(split, record);
  const sides = Object.values(record.sides);
  const count = (side: string) => sides.filter((one) => one === side).length;
  return {
    dir,
    labels: dataset.labels,
    images: dataset.images,
    split,
    parts: { train: count('train'), validation: count('validation'), test: count('test') },
  };
}

/** Writes a request for a child, which is too long for its arguments. */
export async function writeRequest(path: string, request: unknown): Promise<string> {
  await writeFile(path, JSON.stringify(request));
  return path;
}

function byHash(a: string, b: string): number {
  return hash(a) < hash(b) ? -1 : 1;
}

function hash(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}
