import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIDC, NO_DATA } from '../../test/lidc.ts';
import { TrainerError } from '../errors.ts';
import { foldsByPatient, type FoldOptions, type Folds } from './folds.ts';
import { scanDataset } from './scan.ts';

interface Image {
  readonly label: string;
  readonly patient: string;
}

const anyOptions: fc.Arbitrary<FoldOptions> = fc.record({
  seed: fc.nat(),
  folds: fc.integer({ min: 2, max: 6 }),
  repeats: fc.integer({ min: 1, max: 3 }),
});
/** Patients may have several labels. */
const anyImages: fc.Arbitrary<Image[]> = fc.array(
  fc.record({
    label: fc.constantFrom('benign', 'malignant', 'normal'),
    patient: fc.integer({ min: 0, max: 40 }).map((number) => `patient-${number}`),
  }),
  { minLength: 1, maxLength: 200 },
);
/** Patients have one label each; every label has six of them at least, of 1 to 9 images. */
const pureImages: fc.Arbitrary<Image[]> = fc
  .record({
    benign: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 6, maxLength: 40 }),
    malignant: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 6, maxLength: 40 }),
  })
  .map((sizes) => Object.entries(sizes).flatMap(([label, each]) => each.flatMap(patientOf(label))));

function patientOf(label: string): (size: number, at: number) => Image[] {
  return (size, at) => Array.from({ length: size }, () => ({ label, patient: `${label}-${at}` }));
}

function attempt(images: readonly Image[], options: FoldOptions): readonly Folds[] | string {
  try {
    return foldsByPatient(images, options);
  } catch (error) {
    if (error instanceof TrainerError) return error.code;
    throw error;
  }
}

/** Images of a label by fold. */
function sizes(images: readonly Image[], folds: Folds, label?: string): readonly number[] {
  return folds.map((fold) => {
    const here = new Set(fold);
    return images.filter((image) => here.has(image.patient) && (label === undefined || image.label === label))
      .length;
  });
}

function spread(numbers: readonly number[]): number {
  return Math.max(...numbers) - Math.min(...numbers);
}

describe('foldsByPatient', () => {
  it('puts every patient in exactly one fold, and every label in every fold, or says that it cannot', () => {
    fc.assert(
      fc.property(anyImages, anyOptions, (images, options) => {
        const repeats = attempt(images, options);
        if (typeof repeats === 'string') return repeats === 'TOO_FEW_PATIENTS';
        expect(repeats).toHaveLength(options.repeats ?? 1);
        const patients = [...new Set(images.map((image) => image.patient))].toSorted();
        for (const folds of repeats) {
          expect(folds).toHaveLength(options.folds);
          expect(folds.flat().toSorted()).toEqual(patients);
          for (const { label } of images) expect(Math.min(...sizes(images, folds, label))).toBeGreaterThan(0);
        }
        return true;
      }),
    );
  });

  it('levels every label to within its largest patient, and finds folds wherever each label has enough', () => {
    fc.assert(
      fc.property(pureImages, anyOptions, (images, options) => {
        for (const folds of foldsByPatient(images, options)) {
          for (const label of ['benign', 'malignant']) {
            const own = Map.groupBy(
              images.filter((image) => image.label === label),
              (image) => image.patient,
            );
            const largest = Math.max(...[...own.values()].map((all) => all.length));
            expect(spread(sizes(images, folds, label))).toBeLessThanOrEqual(largest);
          }
        }
      }),
    );
  });

  it('does not depend on the order of the images', () => {
    const shuffledTwice = pureImages.chain((images) =>
      fc.tuple(fc.constant(images), fc.shuffledSubarray(images, { minLength: images.length })),
    );
    fc.assert(
      fc.property(shuffledTwice, anyOptions, ([images, shuffled], options) => {
        expect(foldsByPatient(shuffled, options)).toEqual(foldsByPatient(images, options));
      }),
    );
  });

  it('deals anew for every repeat and every seed', () => {
    const images = ['benign', 'malignant'].flatMap((label) =>
      Array.from({ length: 30 }, (_, at) => ({ label, patient: `${label}-${at}` })),
    );
    const [first, second] = foldsByPatient(images, { seed: 7, folds: 5, repeats: 2 });
    const [other] = foldsByPatient(images, { seed: 8, folds: 5 });
    expect(foldsByPatient(images, { seed: 7, folds: 5 })).toEqual([first]);
    expect(second).not.toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('names the label that does not reach every fold', () => {
    const images = ['a', 'b', 'c', 'd', 'e'].map((patient) => ({ label: 'benign', patient }));
    images.push(...['x', 'y'].map((patient) => ({ label: 'malignant', patient })));
    expect(() => foldsByPatient(images, { seed: 1, folds: 3 })).toThrow(
      /label malignant has 2 patient.*3 folds/,
    );
  });

  it.skipIf(NO_DATA !== undefined)(
    `levels the real nodules, whose exams hold up to 36 slices ${NO_DATA ?? ''}`,
    async () => {
      const { images } = await scanDataset(LIDC);
      for (const folds of foldsByPatient(images, { seed: 7, folds: 5, repeats: 3 })) {
        expect(spread(sizes(images, folds, 'benign'))).toBeLessThanOrEqual(3);
        expect(spread(sizes(images, folds, 'malignant'))).toBeLessThanOrEqual(3);
      }
    },
  );
});
