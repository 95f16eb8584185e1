/** One number that makes probabilities mean what they say (Guo et al. 2017), fitted on validation. Pure. */
import type { Temperature } from '@hilum/model';
import { checkClasses, type ClassSamples, type NotDefined } from './samples.ts';

/** The inverse of the temperature stays within this. */
const LEAST = 0.05;
const MOST = 20;

/** A probability of 0 for what then happens would cost infinitely; float32 softmax rounds to 0 at about this. */
const FLOOR = 1e-38;

/**
 * The temperature with the least negative log-likelihood; to be called with validation samples only.
 *
 * The likelihood is convex in 1/T, so the root of its derivative is the answer: Newton's steps, kept in by bisection.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function fitTemperature(validation: ClassSamples): Temperature | NotDefined {
  checkClasses(validation);
  if (validation.classes.length === 0) return { notDefined: 'there are no samples' };
  if (new Set(validation.classes).size === 1) return { notDefined: 'all samples are of one class' };
  // Softmax does not feel a constant added to all logits, so logarithms of probabilities serve as logits.
  const logits = validation.probabilities.map((row) => row.map((p) => Math.log(Math.max(p, FLOOR))));
  const inverse = bestInverse((beta) => lossOf(logits, validation.classes, beta));
  return {
    temperature: 1 / inverse,
    nllBefore: lossOf(logits, validation.classes, 1).loss,
    nllAfter: lossOf(logits, validation.classes, inverse).loss,
    samples: validation.classes.length,
    atLimit: inverse === LEAST || inverse === MOST,
  };
}

interface Loss {
  readonly loss: number;
  readonly slope: number;
  readonly curvature: number;
}

function bestInverse(at: (beta: number) => Loss): number {
  if (at(LEAST).slope >= 0) return LEAST;
  if (at(MOST).slope <= 0) return MOST;
  let [low, high, beta] = [LEAST, MOST, 1];
  for (let round = 0; round < 100; round += 1) {
    const { slope, curvature } = at(beta);
    if (slope > 0) high = beta;
    else low = beta;
    const newton = beta - slope / curvature;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - beta) <= 1e-15 * beta) return next;
    beta = next;
  }
  return beta;
}

/** Mean NLL of softmax(β · logits), with its derivatives by β: a mean and a variance of logits under the softmax. */
function lossOf(logits: readonly (readonly number[])[], classes: readonly number[], beta: number): Loss {
  let [loss, slope, curvature] = [0, 0, 0];
  for (const [index, row] of logits.entries()) {
    const largest = Math.max(...row);
    let [total, first, second] = [0, 0, 0];
    for (const logit of row) {
      const weight = Math.exp(beta * (logit - largest));
      total += weight;
      first += weight * (logit - largest);
      second += weight * (logit - largest) ** 2;
    }
    const mean = first / total;
    const right = (row[classes[index] ?? -1] ?? 0) - largest;
    loss += Math.log(total) - beta * right;
    slope += mean - right;
    curvature += second / total - mean ** 2;
  }
  const n = logits.length;
  return { loss: loss / n, slope: slope / n, curvature: curvature / n };
}
