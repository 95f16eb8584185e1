/** When to say nothing: split conformal prediction (Vovk et al. 2005; Angelopoulos and Bates 2023). Pure. */
import { conformalAnswer, type ConformalThreshold } from '@hilum/model';
import { mostProbable } from './confusion.ts';
import { proportion, type Proportion } from './proportion.ts';
import { checkClasses, type ClassSamples, type NotDefined } from './samples.ts';

export interface Abstention {
  readonly alpha: number;
  /** Part of the samples whose answer holds the right class: to be compared with 1 − alpha. */
  readonly coverage: Proportion | NotDefined;
  /** Part of the samples with exactly one class in the answer; of the others the model says nothing. */
  readonly answered: Proportion | NotDefined;
  /** Part of the answered ones that is right, and of all if it had to answer always. */
  readonly accuracyAnswered: Proportion | NotDefined;
  readonly accuracyAll: Proportion | NotDefined;
  /** Samples with several classes in the answer (it could be any) and with none (it is like none). */
  readonly several: number;
  readonly none: number;
}

/**
 * The threshold at which the answers of new samples hold the right class in 1 − alpha of the cases, on average over
 * calibration sets; to be called with validation samples only.
 *
 * The promise is for samples that are exchangeable with these. Nodules of one exam are not quite, so pass one sample per
 * patient where they can be had, and read the coverage on test.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function conformalThreshold(validation: ClassSamples, alpha: number): ConformalThreshold | NotDefined {
  checkClasses(validation);
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`${alpha} is not a part of the samples`);
  const n = validation.classes.length;
  // The finite-sample quantile: n + 1, for the new sample is one of them. 1e-9 is for 250 · (1 − 0.172) > 207.
  const at = Math.ceil((n + 1) * (1 - alpha) - 1e-9);
  if (at > n) {
    return {
      notDefined: `${n} samples are too few to promise ${1 - alpha}; ${Math.ceil(1 / alpha) - 1} would do`,
    };
  }
  const threshold = validation.probabilities
    .map((row, index) => 1 - (row[validation.classes[index] ?? -1] ?? 0))
    .toSorted((a, b) => a - b)[Math.max(at, 1) - 1];
  return threshold === undefined ? { notDefined: 'there are no samples' } : { alpha, threshold, samples: n };
}

/**
 * What abstaining gives on samples that the threshold has not seen.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function abstention(
  test: ClassSamples,
  { alpha, threshold }: ConformalThreshold,
  level = 0.95,
): Abstention {
  checkClasses(test);
  const answers = test.probabilities.map((row, index) => {
    const answer = conformalAnswer(row, threshold);
    const right = test.classes[index] ?? -1;
    return { size: answer.length, covers: answer.includes(right), correct: mostProbable(row) === right };
  });
  const n = answers.length;
  const answered = answers.filter(({ size }) => size === 1);
  const count = (list: typeof answers) => list.filter(({ correct }) => correct).length;
  return {
    alpha,
    coverage: proportion(answers.filter(({ covers }) => covers).length, n, level),
    answered: proportion(answered.length, n, level),
    accuracyAnswered: proportion(count(answered), answered.length, level),
    accuracyAll: proportion(count(answers), n, level),
    several: answers.filter(({ size }) => size > 1).length,
    none: answers.filter(({ size }) => size === 0).length,
  };
}
