import type { Canvas, Field } from './field.ts';
import { grey } from './grey.ts';
import { morphology } from './morphology.ts';
import { pictureOf } from './picture.ts';
import { shape } from './shape.ts';
import { texture } from './texture.ts';

/** The features of the tap `pixels`, in their order, each with its meaning; lengths are in pixels of the input. */
export const PIXEL_STATISTICS = [
  ['fill', 'share of the ellipse with the same spread that is inside: 1 for an ellipse'],
  ['hullfill', 'area over the square of the mean width: 0.79 for a disc, less where parts stick out'],
  ['radcv', 'spread of the distance of the edge from the centre, over its mean: 0 for a disc'],
  ['bendsd1', 'spread of the share inside near the pixels of the edge: how the edge bends, close by'],
  ['bendmax1', 'largest such share: the deepest notch, close by'],
  ['bendmax2', '… in a neighbourhood twice as wide'],
  ['skew', 'skewness of the grey inside'],
  ['max', 'brightest level'],
  ['ab192', 'pixels from level 192 on'],
  ['sh250', 'share of the pixels inside from level 250 on'],
  ['dg_slope', 'levels gained per pixel of depth below the edge'],
  ['rp0', 'mean level within 0.3 of the radius that a disc of this area has'],
  ['rf4', 'share of the area between 0.9 and 1.1 of that radius'],
  ['nbmax', 'brightest level after a blur by 1 pixel'],
  ['cmax', '… less by 1/64 for each pixel from the centre'],
  ['grad_core', 'steepness, in levels a pixel, two pixels and more below the edge'],
  ['lap', 'difference from the mean of 3×3 pixels, below the edge'],
  ['hp2', 'mean difference from a blur by 2 pixels'],
  ['hprel2', 'root mean square of it, over the standard deviation inside'],
  ['lsdrel3', 'standard deviation within 3×3 pixels, over that inside'],
  ['dogpos', 'what a blur by 1 pixel is above one by 2'],
  ['ad2', 'difference of pixels that are two apart'],
  ['gclose2', 'levels a pixel by which dark gaps narrower than 2 steps are filled'],
  ['gopen1', 'share of the grey in parts wider than 1 step'],
  ['gopen6', '… than 6 steps'],
  ['gero8', 'share of the grey that is left after shrinking by 8 steps'],
  ['sp96', 'length of the border between levels below and from 96'],
  ['sc96', 'its square over the area it holds: how ragged it is'],
  ['sd160', 'steps of shrinking that a part from level 160 on withstands, 9 at most'],
  ['sc160', 'as sc96, of level 160'],
  ['sp208', 'as sp96, of level 208'],
  ['sd208', 'as sd160, of level 208'],
] as const;

/** One for each of `PIXEL_STATISTICS`, in their order. They stay finite whatever the image is. */
export function pixelStatistics(canvas: Canvas): readonly Field[] {
  const picture = pictureOf(canvas);
  const all = { ...shape(picture), ...grey(picture), ...texture(picture), ...morphology(picture) };
  return PIXEL_STATISTICS.map(([name]) => all[name]);
}
