import type { Contract } from './contract.ts';
import type { Seen } from './domain/check.ts';
import type { Image } from './image.ts';
import { frameOf } from './lung/frame.ts';
import type { Square } from './lung/frame.ts';
import type { HeatMap, Region } from './report/picture.ts';
import { resize } from './resize.ts';
import { squareInCentre } from './tensor.ts';

/**
 * The part of the image that `toTensor` makes the tensor of, in pixels of the image from its top left corner. Whole
 * numbers but for a contract with a spacing, whose squares are cut from the resampled slice; the square about the lungs
 * may reach beyond the image on every side.
 *
 * Throws what toTensor throws of the frame: GEOMETRY_UNKNOWN, NOT_CHEST, LIMIT_EXCEEDED.
 */
export function tensorRegion(image: Image, contract: Contract, seen: Seen = {}): Region {
  const { slice, square } = partOf(image, contract, seen);
  if (square === undefined) return { top: 0, left: 0, rows: image.rows, columns: image.columns };
  const [down, across] = [image.rows / slice.rows, image.columns / slice.columns];
  return {
    top: square.top * down,
    left: square.left * across,
    rows: square.side * down,
    columns: square.side * across,
  };
}

/** The square that the tensor is made of, in the slice that it is cut from; none: all of it. */
function partOf(
  image: Image,
  contract: Contract,
  seen: Seen,
): { readonly slice: Pick<Image, 'rows' | 'columns'>; readonly square?: Square } {
  const ofHu = contract.kind === 'hu' && image.kind === 'hu';
  const frame = ofHu ? frameOf(image, contract, seen.lungs) : { slice: image };
  return contract.crop === 'center-square'
    ? { slice: frame.slice, square: squareInCentre(frame.slice) }
    : frame;
}

/**
 * A heat map that covers `region`, as one that an overlay can take: a value for each pixel of the image that it covers,
 * and whole pixels. Where the region had fractions its edges move by half a pixel at most; what lies beyond the image
 * is left out.
 *
 * Throws RangeError where nothing of it lies in the image.
 */
export function heatInImage(
  heat: HeatMap,
  region: Region,
  image: Pick<Image, 'rows' | 'columns'>,
): { readonly heat: HeatMap; readonly region: Region } {
  const down = along(region.top, region.rows, image.rows);
  const across = along(region.left, region.columns, image.columns);
  const plane = { rows: heat.rows, columns: heat.columns, values: Float64Array.from(heat.values) };
  const { values } = resize(plane, down.whole, across.whole);
  const [rows, columns] = [down.length, across.length];
  const inside = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    const from = (down.skip + row) * across.whole + across.skip;
    inside.set(values.subarray(from, from + columns), row * columns);
  }
  return {
    heat: { rows, columns, values: inside },
    region: { top: down.start, left: across.start, rows, columns },
  };
}

/** One side of a region: its length in whole pixels, and what of it lies in the image. */
function along(start: number, length: number, side: number) {
  const first = Math.round(start);
  const end = Math.max(first + 1, Math.round(start + length));
  const [inside, outside] = [Math.max(0, first), Math.min(side, end)];
  if (outside <= inside) throw new RangeError('the heat map lies outside of the image');
  return { whole: end - first, start: inside, skip: inside - first, length: outside - inside };
}
