/** Which class is taken for which. Pure. */
import { proportion, type Proportion } from './proportion.ts';
import { checkClasses, type ClassSamples, type NotDefined } from './samples.ts';

export interface Confusion {
  /** By right class, then by the most probable one. */
  readonly counts: readonly (readonly number[])[];
  /** Per class, the part of its samples that is found. */
  readonly recall: readonly (Proportion | NotDefined)[];
  /** Per class, the part of what is called so that is. */
  readonly precision: readonly (Proportion | NotDefined)[];
  readonly accuracy: Proportion | NotDefined;
}

/**
 * The most probable class of each sample, the first where several are equal, against the right one.
 *
 * @param width the number of classes
 * @throws TrainerError NOT_A_NUMBER
 */
export function confusion(samples: ClassSamples, width: number, level = 0.95): Confusion {
  checkClasses(samples);
  const counts = Array.from({ length: width }, () => Array.from({ length: width }, () => 0));
  for (const [index, row] of samples.probabilities.entries()) {
    const cells = counts[samples.classes[index] ?? -1];
    const called = mostProbable(row);
    if (cells !== undefined) cells[called] = (cells[called] ?? 0) + 1;
  }
  const right = (of: number) => counts[of]?.[of] ?? 0;
  const classes = [...counts.keys()];
  return {
    counts,
    recall: classes.map((of) => proportion(right(of), sum(counts[of] ?? []), level)),
    precision: classes.map((of) => proportion(right(of), sum(counts.map((row) => row[of] ?? 0)), level)),
    accuracy: proportion(sum(classes.map(right)), samples.classes.length, level),
  };
}

/** Index of the largest probability, the first where several are equal. */
export function mostProbable(row: readonly number[]): number {
  return row.indexOf(Math.max(...row));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
