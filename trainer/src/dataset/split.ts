/** Which patients train, which choose the epoch, which judge. Pure. */
import { createHash } from 'node:crypto';
import { TrainerError } from '../errors.ts';
import { byCodePoint, type DatasetImage } from './scan.ts';

export interface SplitOptions {
  readonly seed: number;
  /** Part of the patients, in percent. */
  readonly validationPercent: number;
  readonly testPercent: number;
}

export type Part = 'train' | 'validation' | 'test';
export const PARTS: readonly Part[] = ['train', 'validation', 'test'];

/** Names of patients, sorted, each in exactly one part. */
export type Split = Readonly<Record<Part, readonly string[]>>;

/**
 * Splits by patient: all images of a patient, under whatever label, land in the same part.
 *
 * Stratified by the set of labels a patient has. The place of a patient follows from a hash of the seed and its
 * name, so that the order of files does not matter and a patient added later moves few of the others.
 *
 * @throws TrainerError TOO_FEW_PATIENTS where a label would be absent from a part
 */
export function splitByPatient(
  images: readonly Pick<DatasetImage, 'label' | 'patient'>[],
  options: SplitOptions,
): Split {
  const labelsOf = labelsByPatient(images);
  const split: Record<Part, string[]> = { train: [], validation: [], test: [] };
  for (const stratum of strata(labelsOf)) deal(stratum, options, split);
  const sideOf = PARTS.flatMap((part) => split[part].map((patient) => [patient, part] as const));
  refuseMissingLabels(images, Object.fromEntries(sideOf));
  return {
    train: split.train.toSorted(byCodePoint),
    validation: split.validation.toSorted(byCodePoint),
    test: split.test.toSorted(byCodePoint),
  };
}

/** Patients by their set of labels; sets too rare to be dealt by themselves (under 3 patients) share one stratum. */
function strata(labelsOf: ReadonlyMap<string, ReadonlySet<string>>): readonly (readonly string[])[] {
  const bySignature = Map.groupBy(labelsOf.keys(), (patient) =>
    JSON.stringify([...(labelsOf.get(patient) ?? [])].toSorted(byCodePoint)),
  );
  const groups = [...bySignature].toSorted(([a], [b]) => byCodePoint(a, b)).map(([, patients]) => patients);
  return [...groups.filter((group) => group.length >= 3), groups.filter((group) => group.length < 3).flat()];
}

function deal(patients: readonly string[], options: SplitOptions, into: Record<Part, string[]>): void {
  const places = new Map(patients.map((patient) => [patient, placeOf(options.seed, patient)]));
  const order = patients.toSorted((a, b) => byCodePoint(places.get(a) ?? '', places.get(b) ?? ''));
  const share = (percent: number): number => Math.max(1, Math.round((order.length * percent) / 100));
  // Fewer than three cannot serve three parts; they train.
  const few = order.length < 3;
  const test = few ? 0 : Math.min(share(options.testPercent), order.length - 2);
  const validation = few ? 0 : Math.min(share(options.validationPercent), order.length - test - 1);
  into.test.push(...order.slice(0, test));
  into.validation.push(...order.slice(test, test + validation));
  into.train.push(...order.slice(test + validation));
}

function placeOf(seed: number, patient: string): string {
  return createHash('sha256')
    .update(JSON.stringify([seed, patient]))
    .digest('hex');
}

function labelsByPatient(
  images: readonly Pick<DatasetImage, 'label' | 'patient'>[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const labelsOf = new Map<string, Set<string>>();
  for (const { patient, label } of images) {
    const known = labelsOf.get(patient);
    if (known === undefined) labelsOf.set(patient, new Set([label]));
    else known.add(label);
  }
  return labelsOf;
}

/**
 * @param sides of the patients
 * @throws TrainerError TOO_FEW_PATIENTS where a label is absent from a part
 */
export function refuseMissingLabels(
  images: readonly Pick<DatasetImage, 'label' | 'patient'>[],
  sides: Readonly<Record<string, string>>,
): void {
  for (const [label, own] of Map.groupBy(images, (image) => image.label)) {
    const patients = new Set(own.map(({ patient }) => patient));
    const reached = new Set([...patients].map((patient) => sides[patient]));
    const part = PARTS.find((one) => !reached.has(one));
    if (part === undefined) continue;
    throw new TrainerError(
      'TOO_FEW_PATIENTS',
      `label ${label} has ${patients.size} patient(s), none of them in the ${part} part; each part needs one, so three at least`,
    );
  }
}
