/** The first trials of a search: spread evenly, as independent draws are not. */
import type { Axis } from './axis.ts';
import { PURPOSE, Random } from './random.ts';
import type { Parameters, Value } from './space.ts';

/**
 * Point `number` of a sequence that keeps away from its own points (an additive recurrence with the powers of the
 * generalised golden ratio: Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018), moved as a
 * whole by the seed. It needs no history, so workers that start together do not meet.
 */
export function spread(axes: readonly Axis[], seed: number, number: number): Parameters {
  const shift = new Random(seed, 0, PURPOSE.spread);
  const ratio = goldenRatio(axes.length);
  const entries = axes.map((axis, index): [string, Value] => {
    const place = (shift.uniform() + number * ratio ** -(index + 1)) % 1;
    if (axis.kind === 'line') return [axis.name, axis.valueOf(place)];
    return [axis.name, axis.valueAt(Math.floor(place * axis.size))];
  });
  return Object.fromEntries(entries);
}

/** The root above 1 of x^(dimensions + 1) = x + 1, by a fixed point that 40 steps find to the last digit. */
function goldenRatio(dimensions: number): number {
  let ratio = 2;
  for (let step = 0; step < 40; step++) ratio = (1 + ratio) ** (1 / (dimensions + 1));
  return ratio;
}
