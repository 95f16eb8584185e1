/** Every combination of a finite list of values per parameter, in an order that the seed mixes. */
import type { Axis } from './axis.ts';
import { SearchError } from './errors.ts';
import { PURPOSE, Random } from './random.ts';
import type { Parameters, Value } from './space.ts';

/** More are no search a cluster finishes, and a mistake in a step that is worth hearing of. */
export const MAX_GRID_POINTS = 10_000;

/**
 * All points. Their order is mixed, so that a budget below the grid's size still sees every parameter move.
 *
 * @param points values of a continuous parameter, 2 or more
 */
export function grid(axes: readonly Axis[], points: number | undefined, seed: number): readonly Parameters[] {
  if (points !== undefined && (!Number.isSafeInteger(points) || points < 2)) {
    throw new SearchError('OPTION_INVALID', 'a grid has 2 points or more per continuous parameter');
  }
  const sizes = axes.map((axis) => (Number.isFinite(axis.size) ? axis.size : pointsOf(axis, points)));
  const size = sizes.reduce((product, count) => product * count, 1);
  if (size > MAX_GRID_POINTS)
    throw new SearchError('GRID_TOO_LARGE', `${size}, of ${MAX_GRID_POINTS} allowed`);
  const columns = axes.map((axis, index) => column(axis, sizes[index] as number));
  return new Random(seed, 0, PURPOSE.grid).order(size).map((index) => at(axes, columns, index));
}

function pointsOf(axis: Axis, points: number | undefined): number {
  if (points === undefined) throw new SearchError('GRID_CONTINUOUS', axis.name);
  return points;
}

function column(axis: Axis, count: number): readonly Value[] {
  return Array.from({ length: count }, (_, index) =>
    axis.kind === 'choice' || Number.isFinite(axis.size)
      ? axis.valueAt(index)
      : axis.valueOf(index / (count - 1)),
  );
}

/** The point with this index, the last axis counting fastest. */
function at(axes: readonly Axis[], columns: readonly (readonly Value[])[], index: number): Parameters {
  let rest = index;
  const values = columns.toReversed().map((column) => {
    const value = column[rest % column.length] as Value;
    rest = Math.floor(rest / column.length);
    return value;
  });
  return Object.fromEntries(axes.map((axis, position) => [axis.name, values.at(-1 - position) as Value]));
}
