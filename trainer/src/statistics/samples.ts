/** What the figures are counted over, and how one says that it does not exist. Pure. */
import type { NotDefined } from '@hilum/model';
import { TrainerError } from '../errors.ts';

/** Scores of two classes, in columns: row i of each belongs to the same image, nodule or patient. */
export interface BinarySamples {
  /** Higher is more likely positive; any finite numbers, ties allowed. */
  readonly scores: readonly number[];
  readonly positive: readonly boolean[];
  /** Exam or patient of each row: rows of one are not independent, and are resampled as one. */
  readonly groups: readonly string[];
}

/** Probabilities of two or more classes, in columns. */
export interface ClassSamples {
  /** Per row one probability per class; they add up to 1. */
  readonly probabilities: readonly (readonly number[])[];
  /** Index of the right class of each row. */
  readonly classes: readonly number[];
  readonly groups: readonly string[];
}

/** An ImageScore or a UnitScore. */
export interface Scored {
  readonly label: string;
  readonly patient: string;
  readonly probabilities: Readonly<Record<string, number>>;
}

export { isDefined, type NotDefined } from '@hilum/model';

/**
 * The positive label against all others.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function binarySamples(scored: readonly Scored[], positiveLabel: string): BinarySamples {
  const samples = {
    scores: scored.map(({ probabilities }) => probabilities[positiveLabel] ?? Number.NaN),
    positive: scored.map(({ label }) => label === positiveLabel),
    groups: scored.map(({ patient }) => patient),
  };
  checkBinary(samples);
  return samples;
}

/**
 * All labels, in the order given.
 *
 * @throws TrainerError NOT_A_NUMBER; INTERNAL where a sample has a label that is not in the list
 */
export function classSamples(scored: readonly Scored[], labels: readonly string[]): ClassSamples {
  const samples = {
    probabilities: scored.map(({ probabilities }) =>
      labels.map((label) => probabilities[label] ?? Number.NaN),
    ),
    classes: scored.map(({ label }) => labels.indexOf(label)),
    groups: scored.map(({ patient }) => patient),
  };
  checkClasses(samples);
  return samples;
}

/** @throws TrainerError NOT_A_NUMBER, INTERNAL where the columns differ in length */
export function checkBinary({ scores, positive, groups }: BinarySamples): void {
  checkNumbers(scores);
  sameLength(scores, positive);
  sameLength(scores, groups);
}

/** @throws TrainerError NOT_A_NUMBER, INTERNAL where columns or rows differ in length or a class is none of them */
export function checkClasses({ probabilities, classes, groups }: ClassSamples): void {
  sameLength(probabilities, classes);
  sameLength(probabilities, groups);
  const width = probabilities[0]?.length ?? 0;
  for (const [index, row] of probabilities.entries()) {
    checkNumbers(row);
    const right = classes[index] ?? -1;
    if (row.length !== width || row[right] === undefined) {
      throw new TrainerError(
        'INTERNAL',
        `sample ${index} has ${row.length} probabilities and class ${right}`,
      );
    }
  }
}

/** @throws TrainerError NOT_A_NUMBER where one is NaN or infinite */
export function checkNumbers(numbers: readonly number[]): void {
  const bad = numbers.findIndex((number) => !Number.isFinite(number));
  if (bad >= 0)
    throw new TrainerError('NOT_A_NUMBER', `score ${bad} of ${numbers.length} is ${numbers[bad]}`);
}

/** @throws TrainerError INTERNAL */
export function sameLength(one: readonly unknown[], other: readonly unknown[]): void {
  if (one.length !== other.length) {
    throw new TrainerError('INTERNAL', `columns of ${one.length} and ${other.length} rows are not one table`);
  }
}

/** Why the two classes cannot be compared, or undefined where both occur. */
export function lacksClass(positive: readonly boolean[]): NotDefined | undefined {
  if (positive.length === 0) return { notDefined: 'there are no samples' };
  if (!positive.includes(true)) return { notDefined: `none of ${positive.length} samples is positive` };
  if (!positive.includes(false)) return { notDefined: `all of ${positive.length} samples are positive` };
  return undefined;
}

/** Some rows of the samples, in the order given. */
export function pickRows(samples: BinarySamples, rows: readonly number[]): BinarySamples {
  return {
    scores: rows.map((row) => samples.scores[row] ?? Number.NaN),
    positive: rows.map((row) => samples.positive[row] ?? false),
    groups: rows.map((row) => samples.groups[row] ?? ''),
  };
}
