/** The normal distribution, cut to a line from 0 to 1. */
import type { Cell } from './axis.ts';
import type { Random } from './random.ts';

export interface Bell {
  /** On the line, from 0 to 1. */
  readonly mean: number;
  /** Above 0. */
  readonly deviation: number;
}

/** A place from 0 to 1, drawn from the bell between its two ends. */
export function drawFrom({ mean, deviation }: Bell, random: Random): number {
  // The mean is on the line and the deviation at most its length, so more than a third of all draws stay on it;
  // that a hundred in a row do not has the probability 10^-18.
  for (let attempt = 0; attempt < 100; attempt++) {
    const place = mean + deviation * random.normal();
    if (place >= 0 && place <= 1) return place;
  }
  return mean;
}

/** The logarithm of the bell's mass in a cell, or of its density where the cell is a point. */
export function logLikelihood({ mean, deviation }: Bell, { low, high }: Cell): number {
  const a = (low - mean) / deviation;
  const b = (high - mean) / deviation;
  const kept = upTo((1 - mean) / deviation) - upTo(-mean / deviation);
  const width = high === low ? 1 / deviation : b - a;
  // In a narrow cell the density at its middle says more than the difference of two nearly equal masses.
  const middle = -(((a + b) / 2) ** 2) / 2 - LOG_ROOT_TWO_PI + Math.log(width);
  if (b - a < 0.1) return middle - Math.log(kept);
  const mass = upTo(b) - upTo(a);
  return Math.log(Math.max(mass, Number.MIN_VALUE)) - Math.log(kept);
}

const LOG_ROOT_TWO_PI = Math.log(2 * Math.PI) / 2;

/** The standard normal's mass below z (Abramowitz and Stegun 7.1.26: within 1.5e-7). */
function upTo(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const tail = (series * Math.exp(-x * x)) / 2;
  return z < 0 ? tail : 1 - tail;
}
