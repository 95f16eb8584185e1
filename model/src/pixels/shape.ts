import { squared, type Canvas, type Field } from './field.ts';
import { gaussian } from './kernels.ts';
import { TINY, type Picture } from './picture.ts';

/** The form of what is not black, whatever its grey. */
export function shape(picture: Picture) {
  return { ...fullness(picture), ...rim(picture) };
}

/** How well an ellipse, and the narrowest belts around it, are filled. */
function fullness({ canvas, mask, area, offsets: [down, right], inside }: Picture) {
  // A pixel is a square, not a point: 1/12 is its own variance.
  const vertical = inside(squared(down)).plus(1 / 12);
  const horizontal = inside(squared(right)).plus(1 / 12);
  const both = inside(down.times(right));
  const spread = vertical.times(horizontal).minus(squared(both)).atLeast(TINY).root();
  return {
    fill: area.over(spread.times(4 * Math.PI)),
    hullfill: area.over(squared(meanWidth(canvas, mask)).plus(1)),
  };
}

const DIRECTIONS = 16;

/** The mean over directions of the distance in pixels between two parallel lines that just hold the mask. */
function meanWidth({ side, rows, columns, channels }: Canvas, mask: Field): Field {
  const angles = Array.from({ length: DIRECTIONS }, (_, at) => (Math.PI * at) / DIRECTIONS);
  const along = rows
    .times(channels(angles.map((angle) => Math.sin(angle))))
    .plus(columns.times(channels(angles.map((angle) => Math.cos(angle)))));
  const far = 4 * side; // more than any pixel is away: what is outside, 0, is never the largest
  const ahead = along.plus(far).times(mask).largest();
  const behind = along.times(-1).plus(far).times(mask).largest();
  return ahead
    .plus(behind)
    .minus(2 * far - 1)
    .sumOfChannels()
    .over(DIRECTIONS);
}

/** How round the edge is as a whole, and how it bends: a straight edge has half of its neighbourhood inside. */
function rim({ mask, edge, distance }: Picture) {
  const count = edge.sum().plus(TINY);
  const along = (field: Field): Field => field.times(edge).sum().over(count);
  const radius = along(distance);
  const unevenness = squared(distance.minus(radius).times(edge)).sum().over(count).plus(TINY).root();
  const [near, wide] = [mask.filtered(gaussian(1)), mask.filtered(gaussian(2))];
  const bends = squared(near.minus(along(near)).times(edge))
    .sum()
    .over(count);
  return {
    radcv: unevenness.over(radius.plus(1)),
    bendsd1: bends.plus(1e-8).root(),
    bendmax1: near.times(edge).largest(),
    bendmax2: wide.times(edge).largest(),
  };
}
