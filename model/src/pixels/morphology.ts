import { squared, type Axis, type Field } from './field.ts';
import { closingOfTwo, erosions, opening } from './octagon.ts';
import type { Picture } from './picture.ts';

/** Widths of bright and dark parts: what is left of them after growing and shrinking. */
export function morphology(picture: Picture) {
  return { ...granules(picture), ...brightParts(picture) };
}

/** Shares of all grey that are in parts of some width, and how many levels narrow dark gaps lack. */
function granules({ grey, mask, inside }: Picture) {
  const all = grey.sum().plus(1);
  const eroded = erosions(grey, 8);
  // By what is lost, which is little: a sum that is nearly all would be rounded by more than images differ.
  const share = (left: Field): Field => grey.minus(left).sum().plus(1).over(all).times(-1).plus(1);
  const [one = grey, six = grey, eight = grey] = [eroded[0], eroded[5], eroded[7]];
  return {
    gclose2: inside(closingOfTwo(grey).minus(grey).times(mask)),
    gopen1: share(opening(one, 1)),
    gopen6: share(opening(six, 6)),
    gero8: share(eight),
  };
}

/** From these levels on a pixel is bright, in three ways. */
const LEVELS = [96, 160, 208] as const;
const STEPS = 8;

/** Border and thickness of the parts that are brighter than a level. */
function brightParts({ canvas, grey }: Picture) {
  const bright = grey.above(canvas.channels(LEVELS.map((level) => level - 0.5)));
  const border = borderOf(bright, 'rows').plus(borderOf(bright, 'columns'));
  const raggedness = squared(border).over(bright.sum().plus(4));
  const thickness = erosions(bright, STEPS)
    .reduce((sum, field) => sum.plus(field), bright)
    .largest();
  const at = (field: Field, level: (typeof LEVELS)[number]): Field => field.channel(LEVELS.indexOf(level));
  return {
    sp96: at(border, 96),
    sc96: at(raggedness, 96),
    sd160: at(thickness, 160),
    sc160: at(raggedness, 160),
    sp208: at(border, 208),
    sd208: at(thickness, 208),
  };
}

/** Neighbours of which one is bright and the other not. */
function borderOf(bright: Field, axis: Axis): Field {
  return bright
    .without(axis, 1, 0)
    .minus(bright.without(axis, 0, 1))
    .absolute()
    .sum();
}
