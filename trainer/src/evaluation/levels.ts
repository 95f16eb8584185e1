/** Scored images → samples of one level: images, units (nodules, series) or patients. Pure. */
import {
  aggregate,
  type Aggregation,
  type AggregationRule,
  type Level,
  type Probabilities,
} from '@hilum/model';
import { byCodePoint } from '../dataset/scan.ts';
import type { ImageScore } from '../evaluation.ts';

export const LEVELS = ['image', 'unit', 'patient'] as const satisfies readonly Level[];

/** The mean of its slices for a nodule; a patient is as suspicious as the worst nodule. */
export const DEFAULT_AGGREGATION: Aggregation = { unit: 'mean', patient: { of: 'units', rule: 'max' } };

/** An image, a unit or a patient. */
export interface LevelSample {
  /** Path of the image, unit or patient; never printed. */
  readonly name: string;
  readonly label: string;
  readonly patient: string;
  readonly probabilities: Probabilities;
  /** Of its images. */
  readonly files: readonly string[];
}

export interface Classes {
  readonly labels: readonly string[];
  readonly positiveLabel: string;
}

/**
 * Sorted by name, so that the order of the images has no influence on anything that is computed of them.
 *
 * A patient is positive where any unit is; else of the label that most units have, the first one where several are equal.
 */
export function samplesAt(
  level: Level,
  images: readonly ImageScore[],
  aggregation: Aggregation,
  classes: Classes,
): readonly LevelSample[] {
  const single = images
    .map(({ file, label, patient, unit, probabilities }) => ({
      name: file,
      label,
      patient,
      unit,
      probabilities,
      files: [file],
    }))
    .toSorted((a, b) => byCodePoint(a.name, b.name));
  if (level === 'image') return single;
  const units = grouped(single, ({ unit }) => unit, aggregation.unit, classes);
  if (level === 'unit') return units;
  const { of, rule } = aggregation.patient;
  const truth = patientLabels(units, classes);
  return grouped(of === 'units' ? units : single, ({ patient }) => patient, rule, classes, truth);
}

/** @param truth labels by name, where they are not those of the members */
function grouped<Member extends LevelSample>(
  members: readonly Member[],
  nameOf: (member: Member) => string,
  rule: AggregationRule,
  { labels, positiveLabel }: Classes,
  truth?: ReadonlyMap<string, string>,
): readonly LevelSample[] {
  return [...Map.groupBy(members, nameOf)]
    .toSorted(([a], [b]) => byCodePoint(a, b))
    .map(([name, own]) => ({
      name,
      label: truth?.get(name) ?? own[0]?.label ?? '',
      patient: own[0]?.patient ?? '',
      probabilities: aggregate(
        rule,
        own.map(({ probabilities }) => probabilities),
        labels,
        positiveLabel,
      ),
      files: own.flatMap(({ files }) => files),
    }));
}

function patientLabels(
  units: readonly LevelSample[],
  { labels, positiveLabel }: Classes,
): ReadonlyMap<string, string> {
  const byPatient = Map.groupBy(units, ({ patient }) => patient);
  return new Map(
    [...byPatient].map(([patient, own]) => {
      const count = (label: string) => own.filter((unit) => unit.label === label).length;
      if (count(positiveLabel) > 0) return [patient, positiveLabel];
      // toSorted keeps the order of equals: that of the labels.
      return [patient, labels.toSorted((a, b) => count(b) - count(a))[0] ?? ''];
    }),
  );
}
