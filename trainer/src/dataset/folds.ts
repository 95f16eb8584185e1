/** k parts of equal standing for cross-validation. Pure. */
import { createHash } from 'node:crypto';
import { TrainerError } from '../errors.ts';
import { byCodePoint, type DatasetImage } from './scan.ts';

export interface FoldOptions {
  readonly seed: number;
  /** At least 2. */
  readonly folds: number;
  /** How often the whole is dealt anew; 1 where it is not said. */
  readonly repeats?: number;
}

/** Names of patients by fold, each sorted; every patient is in exactly one. */
export type Folds = readonly (readonly string[])[];

/**
 * Deals the patients into folds, once for each repeat: all images of a patient land in one fold, every label in every
 * fold, and the images of every label as evenly as whole patients allow.
 *
 * Where every patient has one label, no two folds differ in a label by more images than its largest patient has.
 * The order of the images does not matter; repeats and seeds share nothing.
 *
 * @throws TrainerError TOO_FEW_PATIENTS where a fold would lack a label; never where each label has as many patients
 * of its own as there are folds
 */
export function foldsByPatient(
  images: readonly Pick<DatasetImage, 'label' | 'patient'>[],
  { seed, folds, repeats = 1 }: FoldOptions,
): readonly Folds[] {
  if (!Number.isInteger(folds) || folds < 2) throw new RangeError('cross-validation takes two folds or more');
  const patients = patientsOf(images);
  return Array.from({ length: repeats }, (_, repeat) => {
    const dealt = deal(patients, folds, (name) => placeOf(seed, repeat, name));
    refuseMissingLabels(dealt, patients);
    return dealt.map((fold) => fold.map(({ name }) => name).toSorted(byCodePoint));
  });
}

interface Patient {
  readonly name: string;
  /** Images by label. */
  readonly counts: ReadonlyMap<string, number>;
  readonly images: number;
}

function patientsOf(images: readonly Pick<DatasetImage, 'label' | 'patient'>[]): readonly Patient[] {
  return [...Map.groupBy(images, ({ patient }) => patient)].map(([name, own]) => ({
    name,
    counts: countsOf(own.map(({ label }) => label)),
    images: own.length,
  }));
}

function countsOf(labels: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...Map.groupBy(labels, (label) => label)].map(([label, all]) => [label, all.length]));
}

/**
 * Each patient goes where its labels are scarcest. Patients of several labels go first, as they are the ones that
 * cannot mend an imbalance without making another; then the largest, so that the small ones level what is left.
 */
function deal(
  patients: readonly Patient[],
  folds: number,
  place: (name: string) => string,
): readonly (readonly Patient[])[] {
  const places = new Map(patients.map(({ name }) => [name, place(name)]));
  const order = patients.toSorted(
    (a, b) =>
      b.counts.size - a.counts.size ||
      b.images - a.images ||
      byCodePoint(places.get(a.name) ?? '', places.get(b.name) ?? ''),
  );
  const totals = new Map<string, number>();
  for (const { counts } of patients) addTo(totals, counts);
  const dealt = Array.from({ length: folds }, (_, index) => ({
    index,
    images: 0,
    counts: new Map<string, number>(),
    patients: [] as Patient[],
  }));
  for (const patient of order) {
    const start = Number.parseInt((places.get(patient.name) ?? '').slice(0, 8), 16);
    const cost = ({ counts }: (typeof dealt)[number]): number => crowding(patient, counts, totals);
    // Among equals the smallest; among those one that the seed picks, or the first fold would have the largest of all.
    const turn = (index: number): number => (index + start) % folds;
    const [best] = dealt.toSorted(
      (a, b) => cost(a) - cost(b) || a.images - b.images || turn(a.index) - turn(b.index),
    );
    if (best === undefined) break;
    best.patients.push(patient);
    best.images += patient.images;
    addTo(best.counts, patient.counts);
  }
  return dealt.map((fold) => fold.patients);
}

/** How much of the patient's labels the fold has already; a label that it lacks outweighs any that it has. */
function crowding(
  patient: Patient,
  counts: ReadonlyMap<string, number>,
  totals: ReadonlyMap<string, number>,
): number {
  let sum = 0;
  for (const [label, own] of patient.counts) {
    const there = counts.get(label) ?? 0;
    sum += there === 0 ? -1 : (there * own) / (totals.get(label) ?? 1) ** 2;
  }
  return sum;
}

function addTo(sums: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [label, count] of counts) sums.set(label, (sums.get(label) ?? 0) + count);
}

function placeOf(seed: number, repeat: number, name: string): string {
  return createHash('sha256')
    .update(JSON.stringify(['fold', seed, repeat, name]))
    .digest('hex');
}

function refuseMissingLabels(folds: readonly (readonly Patient[])[], patients: readonly Patient[]): void {
  for (const label of new Set(patients.flatMap(({ counts }) => [...counts.keys()]))) {
    const having = (some: readonly Patient[]): number =>
      some.filter(({ counts }) => counts.has(label)).length;
    if (folds.every((fold) => having(fold) > 0)) continue;
    throw new TrainerError(
      'TOO_FEW_PATIENTS',
      `label ${label} has ${having(patients)} patient(s), which do not reach all of ${folds.length} folds; ask for fewer folds`,
    );
  }
}
