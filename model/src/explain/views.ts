import { resize } from '@hilum/imaging';
import type { Head } from './head.ts';

interface Plane {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/**
 * The mean of the maps of all views, each turned back, over the whole input.
 *
 * Where the pools divided the input without a remainder, with one value for each place of a map. Else they dropped rows
 * and columns, at the bottom and the right of what each view shows, and the views' maps lie apart: with one value for
 * each pixel then, and nothing where a view saw nothing.
 */
export function joinViews(head: Head, maps: readonly Float64Array[]): Plane {
  const even = head.side * head.stride === head.inputSize;
  const side = even ? head.side : head.inputSize;
  const sum = new Float64Array(side * side);
  for (const [view, map] of maps.entries()) {
    const values = even ? map : inPixels(head, map);
    const [upsideDown, mirrored] = TURNS[view] ?? [false, false];
    for (let row = 0; row < side; row += 1) {
      const from = (upsideDown ? side - 1 - row : row) * side;
      for (let column = 0; column < side; column += 1) {
        const value = values[from + (mirrored ? side - 1 - column : column)] ?? 0;
        sum[row * side + column] = (sum[row * side + column] ?? 0) + value / maps.length;
      }
    }
  }
  return { rows: side, columns: side, values: sum };
}

/** Of each view, in the order of `MirroredViews`: whether its rows, and its columns, are the other way round. */
const TURNS = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

/** One value for each pixel of the view. */
function inPixels({ side, stride, inputSize }: Head, map: Float64Array): Float64Array {
  const covered = side * stride;
  const { values } = resize({ rows: side, columns: side, values: map }, covered, covered);
  const whole = new Float64Array(inputSize * inputSize);
  for (let row = 0; row < covered; row += 1) {
    whole.set(values.subarray(row * covered, (row + 1) * covered), row * inputSize);
  }
  return whole;
}
