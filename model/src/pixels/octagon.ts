import type { Field } from './field.ts';

/**
 * Growing and shrinking by steps of one pixel: odd steps take a square of 3×3, even ones a plus, so that k of them
 * together come near a disc of radius k.
 */
function dilation(field: Field, step: number): Field {
  if (step % 2 === 1) return field.dilated([3, 3]);
  return field.dilated([3, 1]).atLeast(field.dilated([1, 3]));
}

/** The field after one, two … `count` steps of shrinking. */
export function erosions(field: Field, count: number): readonly Field[] {
  let negative = field.times(-1); // shrinking is growing of the negative
  return Array.from({ length: count }, (_, at) => {
    negative = dilation(negative, at + 1);
    return negative.times(-1);
  });
}

/** What of the field is at least as wide as `count` steps of growing. */
export function opening(eroded: Field, count: number): Field {
  let field = eroded;
  for (let step = count; step >= 1; step -= 1) field = dilation(field, step);
  return field;
}

/** Gaps that are narrower than two steps are filled. */
export function closingOfTwo(field: Field): Field {
  const grown = dilation(dilation(field, 1), 2).times(-1);
  return dilation(dilation(grown, 2), 1).times(-1);
}
