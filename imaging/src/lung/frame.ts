import type { Contract } from '../contract.ts';
import { ImagingError } from '../errors.ts';
import { HU_MIN, checkSize } from '../image.ts';
import type { HuImage } from '../image.ts';
import { resize } from '../resize.ts';
import type { Box } from './components.ts';
import { lungMask } from './mask.ts';
import type { LungMask } from './mask.ts';

// Of the longer side of the lungs' box, on each side: chest wall and pleura stay in view.
const MARGIN = 0.05;

/**
 * The part of a slice that a contract asks for, still in HU: resampled to `spacingMm`, then cropped to the lungs. With
 * neither, the slice itself. The resampled slice has `round(rows * spacing / spacingMm)` rows, so its own spacing is off
 * by at most half a pixel over the whole slice.
 *
 * `lungs` are those of `image`, where they are known; after resampling they are looked for again.
 *
 * Throws ImagingError GEOMETRY_UNKNOWN where the contract has a spacing and the slice has none, NOT_CHEST where it asks
 * for lungs and none is seen.
 */
export function frameHu(
  image: HuImage,
  contract: Extract<Contract, { kind: 'hu' }>,
  lungs?: LungMask,
): HuImage {
  const { slice, square } = frameOf(image, contract, lungs);
  return square === undefined ? slice : cut(slice, square);
}

/**
 * Where the frame lies: a square, which may reach beyond the edge, in the slice as it is after resampling; the whole of
 * it by default. Arguments and errors are those of `frameHu`.
 */
export function frameOf(
  image: HuImage,
  { spacingMm, crop }: Extract<Contract, { kind: 'hu' }>,
  lungs?: LungMask,
): { readonly slice: HuImage; readonly square?: Square } {
  const slice = spacingMm === undefined ? image : resampled(image, spacingMm);
  if (crop !== 'lung') return { slice };
  const known = spacingMm === undefined ? lungs : undefined;
  return { slice, square: lungSquare(known ?? lungMask(slice)) };
}

function resampled(image: HuImage, spacingMm: number): HuImage {
  const { pixelSpacing } = image;
  if (pixelSpacing?.every((mm) => mm > 0 && Number.isFinite(mm)) !== true) {
    throw new ImagingError(
      'GEOMETRY_UNKNOWN',
      'Pixel spacing is absent, and the model reads slices of one spacing.',
    );
  }
  const side = (pixels: number, mm: number): number => Math.max(1, Math.round((pixels * mm) / spacingMm));
  const [rows, columns] = [side(image.rows, pixelSpacing[0]), side(image.columns, pixelSpacing[1])];
  checkSize(rows, columns);
  const read = (row: number, into: Float64Array): void => {
    into.set(image.pixels.subarray(row * image.columns, (row + 1) * image.columns));
  };
  const source = { rows: image.rows, columns: image.columns, read };
  const pixels = new Float32Array(resize(source, rows, columns).values);
  return { ...image, rows, columns, pixels, pixelSpacing: [spacingMm, spacingMm] };
}

function lungSquare({ box }: LungMask): Square {
  if (box === undefined) {
    throw new ImagingError(
      'NOT_CHEST',
      'No lung is seen in the slice, and the model reads the lungs’ part of it.',
    );
  }
  return squareAbout(box);
}

/** The square about a box and its margin; an odd remainder leaves its extra pixel at the bottom or right. */
function squareAbout({ top, left, bottom, right }: Box): Square {
  const [height, width] = [bottom - top + 1, right - left + 1];
  const longer = Math.max(height, width);
  const side = longer + 2 * Math.round(MARGIN * longer);
  return {
    top: top - Math.floor((side - height) / 2),
    left: left - Math.floor((side - width) / 2),
    side,
  };
}

export type Square = { readonly top: number; readonly left: number; readonly side: number };

/** What of the square lies outside the slice is air: the lungs stay in the middle, whatever the field of view. */
function cut(image: HuImage, { top, left, side }: Square): HuImage {
  const pixels = new Float32Array(side * side).fill(HU_MIN);
  const [first, last] = [Math.max(0, left), Math.min(image.columns, left + side)];
  for (let row = Math.max(0, top); row < Math.min(image.rows, top + side); row += 1) {
    const from = row * image.columns;
    pixels.set(image.pixels.subarray(from + first, from + last), (row - top) * side + first - left);
  }
  return { ...image, rows: side, columns: side, pixels };
}
