import { squared, type Field } from './field.ts';
import { TINY, type Picture } from './picture.ts';

/** How bright, and where. */
export function grey(picture: Picture) {
  return { ...levels(picture), ...places(picture), ...peaks(picture) };
}

function levels({ grey: level, area, deviation, centred, inside }: Picture) {
  const third = inside(squared(centred).times(centred));
  return {
    skew: third.over(squared(deviation).times(deviation).plus(1)),
    max: level.largest(),
    ab192: level.above(191.5).sum(),
    sh250: level.above(249.5).sum().over(area.plus(TINY)),
  };
}

/** Grey against depth below the edge, and within and beyond shares of the radius that a disc of this area has. */
function places({ grey: level, mask, area, mean, centred, eroded, offsets: [down, right], inside }: Picture) {
  const depth = eroded.reduce((sum, field) => sum.plus(field)); // of 0 to 17 pixels
  const below = depth.minus(inside(depth)).times(mask);
  const slope = inside(below.times(centred)).over(inside(squared(below)).plus(0.1));
  // Squares: engines round roots in their own ways, and a pixel would be near for one and not for the other.
  const away = squared(down).plus(squared(right)).plus(TINY);
  const within = (share: number): Field =>
    mask.minus(away.above(area.times(share ** 2 / Math.PI)).times(mask));
  const centre = within(0.3);
  return {
    dg_slope: slope,
    rp0: level.times(centre).sum().plus(mean).over(centre.sum().plus(1)),
    rf4: within(1.1).minus(within(0.9)).sum().over(area.plus(1)),
  };
}

function peaks({ mask, smooth, distance }: Picture) {
  const within = smooth.times(mask);
  return {
    nbmax: within.largest(),
    cmax: distance.over(-64).plus(1).times(within).largest(),
  };
}
