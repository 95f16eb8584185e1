/** Who trains, who chooses and who judges in each fold. Pure. */
import type { DatasetImage } from '../dataset/scan.ts';
import { foldsByPatient } from '../dataset/folds.ts';
import { seededRandom } from '../random.ts';
import type { Part } from '../study/objective.ts';

export interface OuterFold {
  readonly repeat: number;
  readonly fold: number;
  /** Indices of the images that judge; no patient of theirs is in any inner part. */
  readonly test: readonly number[];
  /** The folds of the other patients, each as the validation of the rest. */
  readonly inner: readonly Part[];
}

export interface PartsOptions {
  readonly seed: number;
  readonly folds: number;
  readonly repeats: number;
  readonly innerFolds: number;
}

/** @throws TrainerError TOO_FEW_PATIENTS where a fold, outer or inner, would lack a label */
export function outerFolds(
  images: readonly Pick<DatasetImage, 'label' | 'patient'>[],
  { seed, folds, repeats, innerFolds }: PartsOptions,
): readonly OuterFold[] {
  return foldsByPatient(images, { seed, folds, repeats }).flatMap((dealt, repeat) =>
    dealt.map((patients, fold) => {
      const [test, rest] = divide(images, [...images.keys()], patients);
      // A seed of its own, or the inner deal would mirror the outer one.
      const innerSeed = Math.floor(seededRandom('inner', seed, repeat, fold)() * 2 ** 31);
      const [inner = []] = foldsByPatient(
        rest.flatMap((index) => images[index] ?? []),
        { seed: innerSeed, folds: innerFolds },
      );
      return {
        repeat,
        fold,
        test,
        inner: inner.map((names) => {
          const [validation, train] = divide(images, rest, names);
          return { train, validation };
        }),
      };
    }),
  );
}

/** Those of these patients, and the others; in their order. */
function divide(
  images: readonly Pick<DatasetImage, 'patient'>[],
  indices: readonly number[],
  patients: readonly string[],
): readonly [readonly number[], readonly number[]] {
  const wanted = new Set(patients);
  const { in: inside = [], out = [] } = Object.groupBy(indices, (index) =>
    wanted.has(images[index]?.patient ?? '') ? 'in' : 'out',
  );
  return [inside, out];
}
