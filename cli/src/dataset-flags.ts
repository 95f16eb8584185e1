/** The flags that say which images, under which labels, split how: the same in every command. */
import { join } from 'node:path';
import { cacheRoot } from '@hilum/hack';
import { labelsFrom, type LabelSource, type SplitSource } from '@hilum/trainer';
import { UsageError } from './command.ts';
import { integer, required } from './flags.ts';

export interface DatasetValues {
  readonly data?: string;
  readonly labels?: string;
  readonly columns?: string;
}

export const datasetFlags = {
  data: { type: 'string', description: 'images: <label>/<patient>/… of DICOM, or of PNG and JPEG' },
  labels: {
    type: 'string',
    description: 'a manifest.csv or nodules.csv that says the labels; default folders, which do',
  },
  columns: {
    type: 'string',
    description: 'further columns of it, by commas, for figures of subgroups',
  },
} as const;

/** @throws UsageError, and TrainerError where the table cannot be read */
export async function datasetOf(
  values: DatasetValues,
): Promise<{ readonly dataDir: string; readonly labels: LabelSource }> {
  const dataDir = required('data', values.data);
  const columns = (values.columns ?? '').split(',').filter((name) => name !== '' && name !== 'none');
  if (values.labels === undefined || values.labels === 'folders') {
    if (columns.length > 0) throw new UsageError('--columns are of a table: add --labels FILE');
    return { dataDir, labels: { from: 'folders' } };
  }
  return { dataDir, labels: await labelsFrom(values.labels, dataDir, columns) };
}

export interface SplitValues {
  readonly split?: string;
  readonly validation?: string;
  readonly test?: string;
  readonly 'split-seed'?: string;
}

export const splitFlags = {
  split: { type: 'string', description: 'file of a recorded split; default: one is dealt by the next three' },
  validation: { type: 'string', description: 'percent of the patients that choose the epoch; default 20' },
  test: { type: 'string', description: 'percent of the patients that judge; default 20' },
  'split-seed': { type: 'string', description: 'of who lands in which part; default 7' },
} as const;

/** @throws UsageError */
export function splitOf(values: SplitValues): SplitSource {
  const dealt = ['validation', 'test', 'split-seed'] as const;
  const given = dealt.filter((flag) => values[flag] !== undefined);
  if (values.split !== undefined) {
    if (given.length === 0) return { record: values.split };
    throw new UsageError(`--split has been dealt already: leave --${given.join(' and --')} out`);
  }
  const split = {
    seed: integer('split-seed', values['split-seed'], { fallback: 7, min: 0, max: 2 ** 31 - 1 }),
    validationPercent: integer('validation', values.validation, { fallback: 20, min: 1, max: 60 }),
    testPercent: integer('test', values.test, { fallback: 20, min: 1, max: 60 }),
  };
  if (split.validationPercent + split.testPercent > 80) {
    throw new UsageError('--validation and --test together leave less than 20 percent to train on');
  }
  return split;
}

/** Where what was computed of images is kept, for all commands. */
export function cacheOf(values: { readonly cache?: string }): string {
  return values.cache ?? join(cacheRoot(), 'features');
}
