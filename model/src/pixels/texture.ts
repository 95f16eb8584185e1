import { squared, type Axis, type Field } from './field.ts';
import { ACROSS, BOX, DOWN, gaussian } from './kernels.ts';
import { blurred, TINY, type Picture } from './picture.ts';

/** How grey changes from pixel to pixel. */
export function texture(picture: Picture) {
  return { ...edges(picture), ...grain(picture), ...local(picture) };
}

/** Steepness away from the edge of the mask, where it would be that of the black around. */
function edges({ grey, mask, eroded }: Picture) {
  const [rimless = mask, core = mask] = eroded.slice(1);
  const calm = grey.filtered(gaussian(0.5));
  const steepness = squared(calm.filtered(ACROSS))
    .plus(squared(calm.filtered(DOWN)))
    .plus(1e-12)
    .root();
  return {
    grad_core: meanOver(core, steepness),
    lap: meanOver(rimless, grey.minus(grey.filtered(BOX)).absolute()),
    ad2: differences(grey, mask),
  };
}

function meanOver(part: Field, field: Field): Field {
  return field.times(part).sum().over(part.sum().plus(1));
}

/** The mean difference of two pixels inside that are two apart. */
function differences(grey: Field, mask: Field): Field {
  const along = (axis: Axis) => {
    const [far, near] = [grey.without(axis, 2, 0), grey.without(axis, 0, 2)];
    const both = mask.without(axis, 2, 0).times(mask.without(axis, 0, 2));
    return { sum: far.minus(near).absolute().times(both).sum(), count: both.sum() };
  };
  const [down, right] = [along('rows'), along('columns')];
  return down.sum.plus(right.sum).over(down.count.plus(right.count).plus(1));
}

/** What a blur takes away. */
function grain(picture: Picture) {
  const { grey, mask, deviation, smooth, inside } = picture;
  const wide = blurred(picture, 2);
  const rest = grey.minus(wide).times(mask);
  return {
    hp2: inside(rest.absolute()),
    hprel2: inside(squared(rest)).plus(TINY).root().over(deviation.plus(1)),
    dogpos: inside(smooth.minus(wide).times(mask).atLeast(0)),
  };
}

/** The standard deviation of 3×3 pixels, of those inside. */
function local({ grey, mask, deviation, inside }: Picture) {
  const weight = mask.filtered(BOX).plus(1e-3);
  const mean = (field: Field): Field => field.times(mask).filtered(BOX).over(weight);
  const variance = mean(squared(grey))
    .minus(squared(mean(grey)))
    .atLeast(0);
  return { lsdrel3: inside(variance.plus(1e-3).root().times(mask)).over(deviation.plus(1)) };
}
