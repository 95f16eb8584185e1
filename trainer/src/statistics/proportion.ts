/** A count out of a count, with its interval. Pure. */
import { zOf } from './normal.ts';
import type { NotDefined } from './samples.ts';

export interface Proportion {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly level: number;
  readonly count: number;
  readonly of: number;
}

/**
 * Wilson's score interval (1927): it holds its level for small counts and near 0 and 1, where p ± 1.96 SE does not.
 *
 * It takes the samples for independent; where several share an exam, `bootstrapByGroup` is the honest one.
 */
export function proportion(count: number, of: number, level = 0.95): Proportion | NotDefined {
  if (of === 0) return { notDefined: 'there are no samples to count it over' };
  const value = count / of;
  const z = zOf(level);
  const scale = 1 + z ** 2 / of;
  const middle = (value + z ** 2 / (2 * of)) / scale;
  const spread = (z / scale) * Math.sqrt((value * (1 - value)) / of + z ** 2 / (4 * of ** 2));
  // At 0 and 1 the end is the value itself, which rounding would miss.
  const low = count === 0 ? 0 : middle - spread;
  const high = count === of ? 1 : middle + spread;
  return { value, low, high, level, count, of };
}
