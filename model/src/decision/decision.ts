/** All that is learnt from the validation part for use on others: `training/decision.json` of a model package. */
import { z } from 'zod';
import { AGGREGATION_RULES, type AggregationRule } from './aggregation.ts';
import type { NotDefined } from './figure.ts';
import type { ConformalThreshold, OperatingPoint, OperatingRule, Temperature } from './thresholds.ts';

/** In the folder `training/` of a package, and of a run's reports. */
export const DECISION_FILE = 'decision.json';

/** Images, units (nodules, series) or patients. */
export type Level = 'image' | 'unit' | 'patient';

export interface Aggregation {
  /** Images → unit. */
  readonly unit: AggregationRule;
  /** Units, or all images at once, → patient. */
  readonly patient: { readonly of: 'units' | 'images'; readonly rule: AggregationRule };
}

/** Which way a number that is no image was seen to point; never turned round on test. */
export interface ShortcutDirection {
  readonly positiveWhere: 'higher' | 'lower';
  /** That it was seen on, and with which AUC; both are of the part that it was learnt on. */
  readonly samples: number;
  readonly auc: number;
}

/** What was learnt for one level: each has scores of its own, and so a threshold of its own. */
export interface LevelDecision {
  /** On probabilities as the model gives them, aggregated to the level, before any temperature. */
  readonly operatingPoint: OperatingPoint | NotDefined;
  /** For the aggregated probabilities, to calibrate them. */
  readonly temperature: Temperature | NotDefined;
  /** On the aggregated probabilities too, before any temperature. */
  readonly conformal: ConformalThreshold | NotDefined;
  /** By feature, which way it points. */
  readonly shortcuts: Readonly<Record<string, ShortcutDirection | NotDefined>>;
  /** How well the model does where it learnt and where it was chosen: beside test, they show how much it learnt by heart. */
  readonly aucRoc: { readonly train?: number; readonly validation?: number };
}

/** How an aggregation did on validation, where it was to be chosen there. */
export interface AggregationCandidate {
  readonly level: 'unit' | 'patient';
  readonly of: 'units' | 'images';
  readonly rule: AggregationRule;
  readonly aucRoc: number | NotDefined;
}

export interface Decision {
  readonly version: 1;
  readonly note: string;
  readonly labels: readonly string[];
  readonly positiveLabel: string;
  readonly rule: OperatingRule;
  /** The part that it was chosen on, with its size. */
  readonly chosenOn: {
    readonly part: string;
    readonly images: number;
    readonly units: number;
    readonly patients: number;
  };
  readonly aggregation: Aggregation & {
    readonly chosenBy: 'request' | 'validation';
    readonly candidates: readonly AggregationCandidate[];
  };
  readonly levels: Readonly<Record<Level, LevelDecision>>;
}

const notDefined = z.object({ notDefined: z.string() });
const finite = z.number();
const orNot = <T extends z.ZodType>(schema: T) => z.union([notDefined, schema]);
const aggregationRule = z.enum(AGGREGATION_RULES);
const operatingRule = z.discriminatedUnion('rule', [
  z.object({ rule: z.literal('youden') }),
  z.object({ rule: z.enum(['sensitivity', 'specificity']), atLeast: finite }),
]);

const levelDecision = z.object({
  operatingPoint: orNot(
    z.object({ threshold: finite, chosenBy: operatingRule, sensitivity: finite, specificity: finite }),
  ),
  temperature: orNot(
    z.object({
      temperature: finite.positive(),
      nllBefore: finite,
      nllAfter: finite,
      samples: z.int(),
      atLimit: z.boolean(),
    }),
  ),
  conformal: orNot(z.object({ alpha: finite, threshold: finite, samples: z.int() })),
  shortcuts: z.record(
    z.string(),
    orNot(z.object({ positiveWhere: z.enum(['higher', 'lower']), samples: z.int(), auc: finite })),
  ),
  aucRoc: z
    .object({ train: finite.optional(), validation: finite.optional() })
    // An absent figure stays absent: `undefined` under a key is another type here.
    .transform(({ train, validation }) => ({
      ...(train !== undefined && { train }),
      ...(validation !== undefined && { validation }),
    })),
});

/** Of another version it is refused: a threshold that is misread is worse than none. */
export const decisionSchema = z.object({
  version: z.literal(1),
  note: z.string(),
  labels: z.array(z.string()),
  positiveLabel: z.string(),
  rule: operatingRule,
  chosenOn: z.object({ part: z.string(), images: z.int(), units: z.int(), patients: z.int() }),
  aggregation: z.object({
    unit: aggregationRule,
    patient: z.object({ of: z.enum(['units', 'images']), rule: aggregationRule }),
    chosenBy: z.enum(['request', 'validation']),
    candidates: z.array(
      z.object({
        level: z.enum(['unit', 'patient']),
        of: z.enum(['units', 'images']),
        rule: aggregationRule,
        aucRoc: z.union([notDefined, finite]),
      }),
    ),
  }),
  levels: z.object({ image: levelDecision, unit: levelDecision, patient: levelDecision }),
});
