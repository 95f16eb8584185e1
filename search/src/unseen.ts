/** A uniform draw from what no trial has had yet. */
import type { Axis } from './axis.ts';
import type { Random } from './random.ts';
import type { Parameters, Value } from './space.ts';

/**
 * @param isNew whether no trial has had these parameters
 * @returns `undefined` when the space is finite and used up
 */
export function unseen(
  axes: readonly Axis[],
  isNew: (parameters: Parameters) => boolean,
  random: Random,
): Parameters | undefined {
  for (let attempt = 0; attempt < 64; attempt++) {
    const drawn = uniform(axes, random);
    if (isNew(drawn)) return drawn;
  }
  const size = axes.reduce((product, axis) => product * axis.size, 1);
  if (!Number.isSafeInteger(size)) return uniform(axes, random);
  // Most of the space is used up: walk on from a random place until something is left, or the round is made.
  const start = random.index(size);
  for (let walked = 0; walked < size; walked++) {
    const candidate = at(axes, (start + walked) % size);
    if (isNew(candidate)) return candidate;
  }
  return undefined;
}

/** The parameters with this index, the last axis counting fastest. */
function at(axes: readonly Axis[], index: number): Parameters {
  let rest = index;
  const entries = axes.toReversed().map((axis): [string, Value] => {
    const own = rest % axis.size;
    rest = Math.floor(rest / axis.size);
    return [axis.name, axis.valueAt(own)];
  });
  return Object.fromEntries(entries.toReversed());
}

function uniform(axes: readonly Axis[], random: Random): Parameters {
  const entries = axes.map((axis): [string, Value] =>
    axis.kind === 'choice'
      ? [axis.name, axis.valueAt(random.index(axis.size))]
      : [axis.name, axis.valueOf(random.uniform())],
  );
  return Object.fromEntries(entries);
}
