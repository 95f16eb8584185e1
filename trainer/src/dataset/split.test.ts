import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TrainerError } from '../errors.ts';
import { PARTS, splitByPatient, type Split, type SplitOptions } from './split.ts';

interface Image {
  readonly label: string;
  readonly patient: string;
}

const anyImages: fc.Arbitrary<Image[]> = fc.array(
  fc.record({
    label: fc.constantFrom('benign', 'malignant', 'normal'),
    patient: fc.integer({ min: 0, max: 40 }).map((number) => `patient-${number}`),
  }),
  { minLength: 1, maxLength: 200 },
);
const anySplit: fc.Arbitrary<SplitOptions> = fc.record({
  seed: fc.nat(),
  validationPercent: fc.integer({ min: 1, max: 60 }),
  testPercent: fc.integer({ min: 1, max: 60 }),
});

/** `patients` with one label each, `images` each. */
function cohort(counts: Readonly<Record<string, number>>, images = 2): Image[] {
  return Object.entries(counts).flatMap(([label, count]) =>
    Array.from({ length: count * images }, (_, at) => ({
      label,
      patient: `${label}-${Math.floor(at / images)}`,
    })),
  );
}

function attempt(images: readonly Image[], options: SplitOptions): Split | string {
  try {
    return splitByPatient(images, options);
  } catch (error) {
    if (error instanceof TrainerError) return error.code;
    throw error;
  }
}

/** How many of these patients have the label in their name. */
function count(patients: readonly string[], label: string): number {
  return patients.filter((patient) => patient.startsWith(label)).length;
}

describe('splitByPatient', () => {
  it('puts every patient in exactly one part, and every label in every part, or says that it cannot', () => {
    fc.assert(
      fc.property(anyImages, anySplit, (images, options) => {
        const split = attempt(images, options);
        if (typeof split === 'string') return split === 'TOO_FEW_PATIENTS';
        const everyone = PARTS.flatMap((part) => split[part]);
        expect(everyone.toSorted()).toEqual([...new Set(images.map((image) => image.patient))].toSorted());
        const labels = new Set(images.map((image) => image.label));
        for (const part of PARTS) {
          const members = new Set(split[part]);
          const seen = images.filter((image) => members.has(image.patient)).map((image) => image.label);
          expect(new Set(seen)).toEqual(labels);
        }
        return true;
      }),
    );
  });

  it('depends on the seed and the patients, not on the order of the files', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(cohort({ benign: 20, malignant: 9 }), { minLength: 58 }), (images) => {
        const options = { seed: 7, validationPercent: 20, testPercent: 20 };
        expect(splitByPatient(images, options)).toEqual(
          splitByPatient(cohort({ benign: 20, malignant: 9 }), options),
        );
      }),
    );
    const images = cohort({ benign: 20, malignant: 20 });
    const [one, other] = [1, 2].map((seed) =>
      splitByPatient(images, { seed, validationPercent: 20, testPercent: 20 }),
    );
    expect(one?.test).not.toEqual(other?.test);
  });

  it('keeps the shares within every label', () => {
    const split = splitByPatient(cohort({ benign: 100, malignant: 20 }), {
      seed: 7,
      validationPercent: 20,
      testPercent: 30,
    });
    expect(PARTS.map((part) => [count(split[part], 'benign'), count(split[part], 'malignant')])).toEqual([
      [50, 10],
      [20, 4],
      [30, 6],
    ]);
  });

  it('keeps a patient with two labels whole', () => {
    const images = [
      ...cohort({ benign: 9, malignant: 9 }),
      ...['a', 'b', 'c'].flatMap((patient) => [
        { label: 'benign', patient },
        { label: 'malignant', patient },
      ]),
    ];
    const split = splitByPatient(images, { seed: 1, validationPercent: 20, testPercent: 20 });
    for (const patient of ['a', 'b', 'c']) {
      expect(PARTS.filter((part) => split[part].includes(patient))).toHaveLength(1);
    }
  });

  it('moves few patients when one is added', () => {
    const options = { seed: 7, validationPercent: 20, testPercent: 20 };
    const before = splitByPatient(cohort({ benign: 100, malignant: 100 }), options);
    const after = splitByPatient(cohort({ benign: 101, malignant: 100 }), options);
    const moved = PARTS.flatMap((part) => before[part].filter((patient) => !after[part].includes(patient)));
    expect(moved.length).toBeLessThanOrEqual(2);
  });

  it('names the label that has too few patients', () => {
    const images = cohort({ benign: 9, malignant: 2 });
    const options = { seed: 7, validationPercent: 20, testPercent: 20 };
    expect(() => splitByPatient(images, options)).toThrow(/label malignant has 2 patient/);
  });

  it('finds a split whenever every label has three patients', () => {
    const counts = fc.integer({ min: 3, max: 30 });
    fc.assert(
      fc.property(
        fc.record({ benign: counts, malignant: counts, normal: counts }),
        anySplit,
        (given, options) => {
          const split = splitByPatient(cohort(given, 1), options);
          for (const part of PARTS) {
            for (const label of Object.keys(given)) expect(count(split[part], label)).toBeGreaterThan(0);
          }
        },
      ),
    );
  });
});
