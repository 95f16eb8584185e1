import { CAFFE_MEANS } from '@hilum/imaging';
import { squared, type Canvas, type Field } from './field.ts';
import { gaussian } from './kernels.ts';
import { erosions } from './octagon.ts';

/** Keeps a quotient or a root finite where there is nothing to measure. */
export const TINY = 1e-6;

/** What several statistics have in common. */
export interface Picture {
  readonly canvas: Canvas;
  /** Grey, 0 to 255: the mean of the three channels. */
  readonly grey: Field;
  /** 1 inside: where the image is not black. */
  readonly mask: Field;
  /** Pixels inside. */
  readonly area: Field;
  /** Of the grey inside. */
  readonly mean: Field;
  readonly deviation: Field;
  /** Grey minus its mean; 0 outside. */
  readonly centred: Field;
  /** The mask without its rim of k pixels, for k from 0 to 16. */
  readonly eroded: readonly Field[];
  /** The pixels inside that touch what is outside, also by a corner. */
  readonly edge: Field;
  /** Slightly blurred by what is inside alone; the mean outside. */
  readonly smooth: Field;
  /** From the centre of the mask, of each pixel, inside and outside. */
  readonly distance: Field;
  /** Row and column of each pixel as seen from the centre of the mask; 0 outside. */
  readonly offsets: readonly [Field, Field];
  /** The mean over the pixels inside of a field that is 0 outside. */
  readonly inside: (field: Field) => Field;
}

const DEPTH = 16;

export function pictureOf(canvas: Canvas): Picture {
  const grey = greyOf(canvas);
  // Half a level: pictures of 8 bits are whole levels but for a rounding, in either engine.
  const mask = grey.above(0.5);
  const area = mask.sum();
  const inside = (field: Field): Field => field.sum().over(area.plus(TINY));
  const mean = inside(grey.times(mask));
  const centred = grey.minus(mean).times(mask);
  const deviation = inside(squared(centred)).plus(TINY).root();
  const [down, right] = [canvas.rows, canvas.columns].map((line) => line.minus(inside(line.times(mask))));
  if (down === undefined || right === undefined) throw new RangeError('a picture has rows and columns');
  const distance = squared(down).plus(squared(right)).plus(TINY).root();
  const smooth = blurred({ grey, mask }, 1).times(mask).plus(mask.times(-1).plus(1).times(mean));
  const eroded = [mask, ...erosions(mask, DEPTH)];
  const edge = mask.minus(eroded[1] ?? mask);
  const offsets = [down.times(mask), right.times(mask)] as const;
  const levels = { grey, mean, deviation, centred, smooth };
  return { canvas, mask, area, ...levels, eroded, edge, distance, offsets, inside };
}

/** The mean of the grey inside, weighed by distance: pixels outside have no say. */
export function blurred({ grey, mask }: Pick<Picture, 'grey' | 'mask'>, sigma: number): Field {
  const bell = gaussian(sigma);
  return grey.times(mask).filtered(bell).over(mask.filtered(bell).plus(1e-3));
}

/** The network's input has the means of ImageNet subtracted. Three sums and a quotient, which engines round alike. */
function greyOf({ image }: Canvas): Field {
  const [first, second, third] = CAFFE_MEANS.map((mean, channel) => image.channel(channel).plus(mean));
  if (first === undefined || second === undefined || third === undefined) {
    throw new RangeError('an image has three channels');
  }
  return first.plus(second).plus(third).over(3);
}
