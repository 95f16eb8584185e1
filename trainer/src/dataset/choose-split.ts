/** The split of a run: dealt anew, or one that was recorded. */
import { resolve } from 'node:path';
import type { Dataset } from './scan.ts';
import { malformedSplit, readSplit, recordSplit, type SplitRecord } from './split-record.ts';
import { PARTS, refuseMissingLabels, splitByPatient, type SplitOptions } from './split.ts';

/** What to deal by, or the file of a recorded split. */
export type SplitSource = SplitOptions | RecordedSplit;

interface RecordedSplit {
  /** Path of a file that `writeSplit` made; it must place every image of the dataset and no other. */
  readonly record: string;
  /** What its digest must be. */
  readonly sha256?: string;
}

/**
 * Which image trains, which chooses, which judges.
 *
 * @throws TrainerError TOO_FEW_PATIENTS; of a recorded one also SPLIT_MISSING, SPLIT_MALFORMED
 */
export async function chooseSplit(
  { images }: Pick<Dataset, 'images'>,
  source: SplitSource,
): Promise<SplitRecord> {
  if (!('record' in source)) return dealSplit({ images }, source);
  const { record: path, sha256 } = source;
  const record = await readSplit(resolve(path), { images, ...(sha256 === undefined ? {} : { sha256 }) });
  const sides = Object.keys(record.fractions);
  if (sides.length !== PARTS.length || !PARTS.every((part) => sides.includes(part))) {
    throw malformedSplit(`its sides are ${sides.join(', ')}, a run needs ${PARTS.join(', ')}`);
  }
  refuseMissingLabels(images, record.patients);
  return record;
}

/**
 * The record of `splitByPatient`. Pure.
 *
 * @throws TrainerError TOO_FEW_PATIENTS
 */
export function dealSplit({ images }: Pick<Dataset, 'images'>, options: SplitOptions): SplitRecord {
  const { seed, validationPercent, testPercent } = options;
  const fractions = {
    train: (100 - validationPercent - testPercent) / 100,
    validation: validationPercent / 100,
    test: testPercent / 100,
  };
  return recordSplit({ seed, images, patients: splitByPatient(images, options), fractions });
}
