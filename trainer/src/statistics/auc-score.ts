/** An interval of the AUC where resampling says nothing: at 1, say, where all resamples are alike. Pure. */
import { zOf } from './normal.ts';

export interface AucScoreInterval {
  readonly low: number;
  readonly high: number;
  readonly level: number;
  /** Independent positives and negatives that it is counted over. */
  readonly positives: number;
  readonly negatives: number;
}

/** Bisections to the precision of a double. */
const ROUNDS = 60;

/**
 * All AUCs that the one that was seen is not too far from, by the variance that Hanley and McNeil (1982) give for them:
 * Newcombe's method 5 (2006). Wide where samples are few, even at 0 and 1; it takes samples for independent, so it is to
 * be given numbers of patients.
 *
 * @param positives at least 1
 * @param negatives at least 1
 */
export function aucScoreInterval(
  auc: number,
  positives: number,
  negatives: number,
  level = 0.95,
): AucScoreInterval {
  const z = zOf(level);
  const far = (of: number) => Math.abs(auc - of) > z * Math.sqrt(varianceAt(of, positives, negatives));
  return {
    low: edge(0, auc, far),
    high: edge(1, auc, far),
    level,
    positives,
    negatives,
  };
}

/** Newcombe puts the mean of both numbers for each, so that the interval turns with the classes. */
function varianceAt(auc: number, positives: number, negatives: number): number {
  const n = (positives + negatives) / 2 - 1;
  const spread = 1 + (n * (1 - auc)) / (2 - auc) + (n * auc) / (1 + auc);
  return (auc * (1 - auc) * spread) / (positives * negatives);
}

/** Between an end that may be too far and the AUC itself, which is not. */
function edge(end: number, auc: number, far: (of: number) => boolean): number {
  if (end === auc) return end;
  let [out, inside] = [end, auc];
  for (let round = 0; round < ROUNDS; round += 1) {
    const middle = (out + inside) / 2;
    if (far(middle)) out = middle;
    else inside = middle;
  }
  return inside;
}
