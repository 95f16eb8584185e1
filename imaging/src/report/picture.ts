import type { Window } from '../contract.ts';
import { ImagingError } from '../errors.ts';
import type { Image } from '../image.ts';
import { resize } from '../resize.ts';
import { LINE_DOTS, drawLine, lineDots, wrap } from './font.ts';

/** How much each place weighed in the answer: row by row, 0 (nothing) to 1 (most); of any size. */
export type HeatMap = { readonly rows: number; readonly columns: number; readonly values: Float32Array };

/** The part of the image that the heat map covers, in pixels: what the crop left of it. */
export type Region = {
  readonly top: number;
  readonly left: number;
  readonly rows: number;
  readonly columns: number;
};

/** 8-bit RGB, colour by pixel, row by row from the top left. */
export type Rgb = { readonly rows: number; readonly columns: number; readonly pixels: Uint8Array };

/** The slice as a display shows it, in grey. HU through the window by PS3.3's linear function. */
export function greyPicture(image: Image, window: Window): Rgb {
  const { rows, columns, pixels } = image;
  if (pixels.length !== rows * columns) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  const level = levelOf(image, window);
  const rgb = new Uint8Array(pixels.length * 3);
  for (let at = 0; at < pixels.length; at += 1) rgb.fill(level(pixels[at] ?? 0), at * 3, at * 3 + 3);
  return { rows, columns, pixels: rgb };
}

function levelOf(image: Image, { center, width }: Window): (value: number) => number {
  if (image.kind === 'grey') return (value) => (image.bits === 16 ? Math.round(value / 257) : value);
  // PS3.3 C.11.2.1.2.1; a MONOCHROME1 slice is shown the other way round.
  const divisor = Math.max(1, width - 1);
  return (hu) => {
    const level = Math.min(1, Math.max(0, (hu - (center - 0.5)) / divisor + 0.5));
    return Math.round((image.inverted === true ? 1 - level : level) * 255);
  };
}

// Below this share of the maximum nothing is tinted: the background of a heat map is never quite zero.
const UNTOUCHED = 0.2;

/**
 * Tints the picture where the heat map is high. Opacity grows from none at 0.2 to `opacity` at 1, so that anatomy under
 * weak heat keeps its greys.
 */
export function tint(
  picture: Rgb,
  heat: HeatMap,
  { region, opacity }: { region: Region; opacity: number },
): void {
  checkRegion(picture, region);
  if (heat.values.length !== heat.rows * heat.columns || heat.values.length === 0) {
    throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'The heat map does not have the size that it states.');
  }
  const plane = { rows: heat.rows, columns: heat.columns, values: Float64Array.from(heat.values, bounded) };
  const { values } = resize(plane, region.rows, region.columns);
  for (let row = 0; row < region.rows; row += 1) {
    for (let column = 0; column < region.columns; column += 1) {
      const value = values[row * region.columns + column] ?? 0;
      const alpha = opacity * strength(value);
      if (alpha > 0) blend(picture, region.top + row, region.left + column, colourOf(value), alpha);
    }
  }
}

function checkRegion({ rows, columns }: Rgb, region: Region): void {
  const whole = [region.top, region.left, region.rows, region.columns].every((side) =>
    Number.isInteger(side),
  );
  const inside =
    region.top >= 0 &&
    region.left >= 0 &&
    region.rows > 0 &&
    region.columns > 0 &&
    region.top + region.rows <= rows &&
    region.left + region.columns <= columns;
  if (!whole || !inside) throw new RangeError('the heat map lies outside of the picture');
}

/** NaN is no heat. */
function bounded(value: number): number {
  return value > 0 ? Math.min(1, value) : 0;
}

function strength(value: number): number {
  return Math.max(0, (value - UNTOUCHED) / (1 - UNTOUCHED));
}

type Colour = readonly [number, number, number];

// ColorBrewer's YlOrRd without its darkest two steps (C. Brewer, 2003): lightness falls as the value grows, which the
// colour-blind can read too. Maps that end in pale yellow (inferno) vanish on soft tissue, which a lung window shows
// white; maps that end in dark red vanish on lung.
const YL_OR_RD: readonly Colour[] = [
  [255, 255, 204],
  [255, 237, 160],
  [254, 217, 118],
  [254, 178, 76],
  [253, 141, 60],
  [252, 78, 42],
  [227, 26, 28],
];

/** Linear between the anchors. `value` from 0 to 1. */
export function colourOf(value: number): Colour {
  const place = Math.min(1, Math.max(0, value)) * (YL_OR_RD.length - 1);
  const from = YL_OR_RD[Math.floor(place)] ?? [0, 0, 0];
  const to = YL_OR_RD[Math.ceil(place)] ?? from;
  const share = place - Math.floor(place);
  const between = (channel: 0 | 1 | 2) => from[channel] + (to[channel] - from[channel]) * share;
  return [between(0), between(1), between(2)];
}

function blend({ columns, pixels }: Rgb, row: number, column: number, colour: Colour, alpha: number): void {
  const at = (row * columns + column) * 3;
  for (const [channel, value] of colour.entries()) {
    pixels[at + channel] = Math.round((pixels[at + channel] ?? 0) * (1 - alpha) + value * alpha);
  }
}

const BLACK: Colour = [0, 0, 0];
const WHITE: Colour = [255, 255, 255];
// The size of burned-in text grows with the matrix: dots of 2 pixels at 512.
const COLUMNS_PER_DOT = 256;

/**
 * Burns lines in at the top and the bottom, white with a black rim, broken where the picture is too narrow. Where they
 * would take more than half of the picture, those at the bottom are left out.
 */
export function caption(picture: Rgb, top: string, bottom: readonly string[]): void {
  const dot = dotOf(picture);
  const margin = 2 * dot;
  const characters = Math.floor((picture.columns - 2 * margin) / (lineDots(2) - lineDots(1)) / dot);
  const above = wrap(top, characters);
  const below = bottom.flatMap((line) => wrap(line, characters));
  const height = LINE_DOTS * dot;
  write(picture, above, { row: margin, column: margin });
  if ((above.length + below.length) * height > picture.rows / 2) return;
  write(picture, below, { row: picture.rows - margin - below.length * height, column: margin });
}

/** The scale of the heat, at the right edge: what the colours mean, as they lie over mid-grey. */
export function scale(picture: Rgb, opacity: number): void {
  const dot = dotOf(picture);
  const height = Math.floor(picture.rows / 4);
  const width = 5 * dot;
  const top = Math.floor((picture.rows - height) / 2);
  const left = picture.columns - width - 3 * dot;
  if (left < 0 || height < 8) return;
  for (let row = -1; row <= height; row += 1) {
    const value = 1 - row / (height - 1);
    for (let column = -1; column <= width; column += 1) {
      const rim = row < 0 || row === height || column < 0 || column === width;
      blend(picture, top + row, left + column, rim ? WHITE : [96, 96, 96], 1);
      if (!rim) blend(picture, top + row, left + column, colourOf(value), opacity * strength(value));
    }
  }
  const word = (text: string, row: number) =>
    write(picture, [text], { row, column: picture.columns - 3 * dot - lineDots(text.length) * dot });
  word('HIGH', top - LINE_DOTS * dot);
  word('LOW', top + height + 2 * dot);
}

// A smaller region would be hidden by its own frame.
const FRAMED = 32;

/**
 * A dashed line about the part that the heat map covers, where that is not the whole picture: what lies outside has no
 * heat because the model did not see it. Where the part is cut by the picture's edge there is no line.
 */
export function frame(picture: Rgb, { top, left, rows, columns }: Region): void {
  if (Math.min(rows, columns) < FRAMED) return;
  const dash = 4 * dotOf(picture);
  const dot = (row: number, column: number): void => {
    if (row < 0 || column < 0 || row >= picture.rows || column >= picture.columns) return;
    blend(picture, row, column, Math.floor((row + column) / dash) % 2 === 0 ? WHITE : BLACK, 0.6);
  };
  for (let column = left - 1; column <= left + columns; column += 1) {
    dot(top - 1, column);
    dot(top + rows, column);
  }
  for (let row = top; row < top + rows; row += 1) {
    dot(row, left - 1);
    dot(row, left + columns);
  }
}

function dotOf({ columns }: Rgb): number {
  return Math.max(1, Math.round(columns / COLUMNS_PER_DOT));
}

function write(
  picture: Rgb,
  lines: readonly string[],
  at: { readonly row: number; readonly column: number },
): void {
  const dot = dotOf(picture);
  // The rim first, for all letters: drawn letter by letter it would eat into the letter before.
  for (const [colour, rim] of [
    [BLACK, dot],
    [WHITE, 0],
  ] as const) {
    for (const [index, line] of lines.entries()) {
      drawLine(line, (row, column) => {
        const from = { row: at.row + (index * LINE_DOTS + row) * dot, column: at.column + column * dot };
        fill(picture, { top: from.row - rim, left: from.column - rim, side: dot + 2 * rim }, colour);
      });
    }
  }
}

function fill(
  picture: Rgb,
  { top, left, side }: { readonly top: number; readonly left: number; readonly side: number },
  colour: Colour,
): void {
  for (let row = Math.max(0, top); row < Math.min(picture.rows, top + side); row += 1) {
    for (let column = Math.max(0, left); column < Math.min(picture.columns, left + side); column += 1) {
      picture.pixels.set(colour, (row * picture.columns + column) * 3);
    }
  }
}
