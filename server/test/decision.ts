/** A decision that was chosen, for packages of tests. */
import type { Decision, LevelDecision, PackageInfo } from '@hilum/model';

interface Decided {
  readonly image?: Partial<LevelDecision>;
  readonly unit?: Partial<LevelDecision>;
  readonly patient?: Partial<LevelDecision>;
  readonly aggregation?: Partial<Decision['aggregation']>;
}

const NONE = { notDefined: 'not in this test' };
const LEVEL: LevelDecision = {
  operatingPoint: NONE,
  temperature: NONE,
  conformal: NONE,
  shortcuts: {},
  aucRoc: {},
};

/** Nothing is chosen on a level but what is said of it. */
export function decided(
  { labels, positiveLabel }: PackageInfo,
  { image, unit, patient, aggregation }: Decided,
): Decision {
  return {
    version: 1,
    note: 'Research use only, not for diagnosis',
    labels,
    positiveLabel,
    rule: { rule: 'youden' },
    chosenOn: { part: 'validation', images: 9, units: 9, patients: 9 },
    aggregation: {
      unit: 'mean',
      patient: { of: 'units', rule: 'max' },
      chosenBy: 'request',
      candidates: [],
      ...aggregation,
    },
    levels: { image: { ...LEVEL, ...image }, unit: { ...LEVEL, ...unit }, patient: { ...LEVEL, ...patient } },
  };
}
