/** How much each training image says in the loss. Pure. */
import type { FitRecipe } from '../recipe.ts';

interface Weighed {
  /** Indices of images. */
  readonly train: readonly number[];
  /** Class of every image of the dataset. */
  readonly classes: ArrayLike<number>;
  readonly classCount: number;
  /** Of every image of the dataset, which nodule or series it belongs to; needed for `unitWeights: equal`. */
  readonly units?: ArrayLike<string | number>;
  readonly recipe: Pick<FitRecipe, 'classWeights' | 'unitWeights'>;
}

/**
 * By the index of the image in the dataset; 0 for what is not trained on, 1 on average over what is.
 *
 * `equal`: an image weighs one part in so many as its unit has training images. `balanced`: then every class weighs the
 * same in all (without unit weights: n / (classes · n of the class), as in scikit-learn).
 */
export function imageWeights({ train, classes, classCount, units, recipe }: Weighed): Float32Array {
  const weights = new Float64Array(classes.length);
  const sizes = new Map<string | number, number>();
  if (recipe.unitWeights === 'equal') {
    if (units === undefined) throw new RangeError('unit weights need the unit of every image');
    for (const index of train) sizes.set(units[index] ?? index, (sizes.get(units[index] ?? index) ?? 0) + 1);
  }
  // Without units every image is one of its own.
  const scale = sizes.size === 0 ? 1 : train.length / sizes.size;
  for (const index of train) weights[index] = scale / (sizes.get(units?.[index] ?? index) ?? 1);
  if (recipe.classWeights === 'none') return Float32Array.from(weights);
  const totals = new Float64Array(classCount);
  for (const index of train) {
    const label = classes[index] ?? 0;
    totals[label] = (totals[label] ?? 0) + (weights[index] ?? 0);
  }
  return Float32Array.from(weights, (weight, index) => {
    const total = totals[classes[index] ?? 0] ?? 0;
    return weight === 0 ? 0 : (weight * train.length) / (classCount * total);
  });
}
