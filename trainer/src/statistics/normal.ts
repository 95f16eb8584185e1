/** The standard normal distribution, and the logit's inverse. Pure; tails to a relative error of about 1e-13. */

/** P(Z ≤ x). */
export function normalCdf(x: number): number {
  return x < 0 ? normalTail(-x) : 1 - normalTail(x);
}

/** P(Z > x), small but right where 1 − normalCdf(x) would be 0. */
export function normalTail(x: number): number {
  if (x < 0) return 1 - normalTail(-x);
  return x < 2 ? 0.5 - density(x) * series(x) : density(x) * millsRatio(x);
}

/**
 * The x with P(Z ≤ x) = p; ±Infinity at 1 and 0.
 *
 * Newton's method on log P(Z > x), which is concave, so that it cannot overshoot twice.
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`${p} is not a probability`);
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity;
  const tail = Math.min(p, 1 - p);
  let x = Math.sqrt(-2 * Math.log(2 * tail));
  for (let round = 0; round < 60; round += 1) {
    const reached = normalTail(x);
    const step = (Math.log(reached / tail) * reached) / density(x);
    x += step;
    if (Math.abs(step) < 1e-15 * (1 + x)) break;
  }
  return p < 0.5 ? -x : x;
}

/** The z of a two-sided interval: 1.96 for 0.95. */
export function zOf(level: number): number {
  if (!(level > 0 && level < 1)) throw new RangeError(`${level} is not a confidence level`);
  return normalQuantile((1 + level) / 2);
}

/** The probability of a logit. */
export function expit(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

function density(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** x + x³/3 + x⁵/(3·5) + …; all terms positive, so nothing cancels. */
function series(x: number): number {
  let term = x;
  let sum = x;
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (x * x) / odd;
    sum += term;
  }
  return sum;
}

/** P(Z > x) / density(x) by Laplace's continued fraction, which has settled at 100 terms for x ≥ 2. */
function millsRatio(x: number): number {
  let below = x;
  for (let term = 100; term >= 1; term -= 1) below = x + term / below;
  return 1 / below;
}
