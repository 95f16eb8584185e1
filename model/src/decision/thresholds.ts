/** The numbers that are learnt on validation, and what each does to an answer. Pure; how they are chosen is the trainer's. */

export type OperatingRule =
  | { readonly rule: 'youden' }
  | { readonly rule: 'sensitivity' | 'specificity'; readonly atLeast: number };

/** The threshold above which a score is called positive. */
export interface OperatingPoint {
  /** A score of this or more is called positive; halfway to the next lower score seen. */
  readonly threshold: number;
  readonly chosenBy: OperatingRule;
  /** On the part that it was chosen on, and so flattering. */
  readonly sensitivity: number;
  readonly specificity: number;
}

/** One number that makes probabilities mean what they say (Guo et al. 2017). */
export interface Temperature {
  /** Above 1 softens, below 1 sharpens. */
  readonly temperature: number;
  /** Mean negative log-likelihood of the right class, in nats, before and after. */
  readonly nllBefore: number;
  readonly nllAfter: number;
  readonly samples: number;
  /** Where the best one lies beyond what is allowed: all samples are right, say, and infinite certainty would be best. */
  readonly atLimit: boolean;
}

/** When to say nothing: split conformal prediction (Vovk et al. 2005; Angelopoulos and Bates 2023). */
export interface ConformalThreshold {
  /** The right class is left out in at most this part of exchangeable samples. */
  readonly alpha: number;
  /** A class is in the answer where 1 − its probability is at most this. */
  readonly threshold: number;
  readonly samples: number;
}

/** The probabilities at another temperature; their order stays. */
export function atTemperature(probabilities: readonly number[], temperature: number): readonly number[] {
  if (!(temperature > 0 && temperature < Infinity))
    throw new RangeError(`${temperature} is not a temperature`);
  const largest = Math.max(...probabilities);
  const powers = probabilities.map((p) => (p / largest) ** (1 / temperature));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** The classes that are not refused, possibly none or all. */
export function conformalAnswer(probabilities: readonly number[], threshold: number): readonly number[] {
  return [...probabilities.keys()].filter((label) => 1 - (probabilities[label] ?? 0) <= threshold);
}

/** For people: how a threshold was chosen. */
export function wordsOf(chosenBy: OperatingRule): string {
  if (chosenBy.rule === 'youden') return 'the largest sum of sensitivity and specificity (Youden)';
  const other = chosenBy.rule === 'sensitivity' ? 'specificity' : 'sensitivity';
  return `the best ${other} at a ${chosenBy.rule} of ${chosenBy.atLeast} or more`;
}
