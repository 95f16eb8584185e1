/** What is learnt from validation scores for use on any others; test scores have no way in here. Pure. */
import {
  AGGREGATION_RULES,
  type Aggregation,
  type AggregationCandidate,
  type AggregationRule,
  type Decision,
  type Level,
  type LevelDecision,
  type OperatingRule,
} from '@hilum/model';
import { RESEARCH_USE_ONLY, type ImageScore } from '../evaluation.ts';
import { aucStatistic } from '../statistics/auc.ts';
import { conformalThreshold } from '../statistics/conformal.ts';
import { chooseOperatingPoint } from '../statistics/operating-point.ts';
import { lacksClass, type BinarySamples, type NotDefined } from '../statistics/samples.ts';
import { shortcutDirections } from '../statistics/shortcuts.ts';
import { fitTemperature } from '../statistics/temperature.ts';
import { columnsOf, shortcutsOf } from './columns.ts';
import type { FactsByFile } from './facts.ts';
import { DEFAULT_AGGREGATION, samplesAt, type Classes } from './levels.ts';

export interface DecideInput extends Classes {
  readonly validation: readonly ImageScore[];
  /** Their AUC is kept, and directions of shortcuts are learnt on these and validation, as far as facts are known. */
  readonly train?: readonly ImageScore[];
  readonly facts?: FactsByFile;
  /** What the validation scores are of, for the record: `validation`, or the folds of a cross-validation. */
  readonly part?: string;
}

export interface DecideOptions {
  /** The best specificity at a sensitivity of 0.9 or more unless told. */
  readonly rule?: OperatingRule;
  /** Part of the samples whose right label the conformal answer may miss; 0.1 unless told. */
  readonly conformalAlpha?: number;
  /** `auto`: whichever has the best AUC on validation, the first of equals. Mean and worst nodule unless told. */
  readonly aggregation?: {
    readonly unit?: AggregationRule | 'auto';
    readonly patient?: Aggregation['patient'] | 'auto';
  };
}

/** @throws TrainerError NOT_A_NUMBER, INTERNAL where a score has a label that is not in the list */
export function decide(input: DecideInput, options: DecideOptions = {}): Decision {
  const { labels, positiveLabel, validation, part = 'validation' } = input;
  const { rule = { rule: 'sensitivity', atLeast: 0.9 } } = options;
  const aggregation = chooseAggregation(input, options.aggregation);
  const at = (level: Level) => levelDecision(level, aggregation, input, rule, options.conformalAlpha ?? 0.1);
  return {
    version: 1,
    note: RESEARCH_USE_ONLY,
    labels,
    positiveLabel,
    rule,
    chosenOn: {
      part,
      images: validation.length,
      units: new Set(validation.map(({ unit }) => unit)).size,
      patients: new Set(validation.map(({ patient }) => patient)).size,
    },
    aggregation,
    levels: { image: at('image'), unit: at('unit'), patient: at('patient') },
  };
}

function levelDecision(
  level: Level,
  aggregation: Aggregation,
  input: DecideInput,
  rule: OperatingRule,
  alpha: number,
): LevelDecision {
  const { validation, train, facts = new Map() } = input;
  const samples = samplesAt(level, validation, aggregation, input);
  const { binary, classes } = columnsOf(samples, input);
  const fitted = train && columnsOf(samplesAt(level, train, aggregation, input), input).binary;
  const seen = samplesAt(level, [...(train ?? []), ...validation], aggregation, input);
  const aucs = { train: fitted && aucOf(fitted), validation: aucOf(binary) };
  return {
    operatingPoint: chooseOperatingPoint(binary, rule),
    temperature: fitTemperature(classes),
    conformal: conformalThreshold(classes, alpha),
    shortcuts: shortcutDirections({
      samples: columnsOf(seen, input).binary,
      features: shortcutsOf(seen, facts),
    }),
    aucRoc: {
      ...(typeof aucs.train === 'number' && { train: aucs.train }),
      ...(typeof aucs.validation === 'number' && { validation: aucs.validation }),
    },
  };
}

function chooseAggregation(
  input: DecideInput,
  {
    unit = DEFAULT_AGGREGATION.unit,
    patient = DEFAULT_AGGREGATION.patient,
  }: DecideOptions['aggregation'] = {},
): Decision['aggregation'] {
  const candidates: AggregationCandidate[] = [];
  const best = (level: 'unit' | 'patient', list: readonly Aggregation[]): Aggregation | undefined => {
    const tried = list.map((aggregation) => {
      const samples = samplesAt(level, input.validation, aggregation, input);
      const aucRoc = aucOf(columnsOf(samples, input).binary);
      const { of, rule } =
        level === 'unit' ? ({ of: 'images', rule: aggregation.unit } as const) : aggregation.patient;
      candidates.push({ level, of, rule, aucRoc });
      return { aggregation, aucRoc: typeof aucRoc === 'number' ? aucRoc : -1 };
    });
    // toSorted keeps the order of equals.
    return tried.toSorted((a, b) => b.aucRoc - a.aucRoc)[0]?.aggregation;
  };
  const units = AGGREGATION_RULES.map((rule) => ({ ...DEFAULT_AGGREGATION, unit: rule }));
  const chosenUnit = unit === 'auto' ? (best('unit', units)?.unit ?? DEFAULT_AGGREGATION.unit) : unit;
  const patients = patientCandidates(chosenUnit);
  const chosenPatient =
    patient === 'auto' ? (best('patient', patients)?.patient ?? DEFAULT_AGGREGATION.patient) : patient;
  return {
    unit: chosenUnit,
    patient: chosenPatient,
    chosenBy: candidates.length > 0 ? 'validation' : 'request',
    candidates,
  };
}

/** The default first, so that it wins where all are equal. */
function patientCandidates(unit: AggregationRule): readonly Aggregation[] {
  const { patient: usual } = DEFAULT_AGGREGATION;
  const all = (['units', 'images'] as const).flatMap((of) => AGGREGATION_RULES.map((rule) => ({ of, rule })));
  const others = all.filter(({ of, rule }) => of !== usual.of || rule !== usual.rule);
  return [usual, ...others].map((patient) => ({ unit, patient }));
}

function aucOf({ scores, positive }: BinarySamples): number | NotDefined {
  const value = aucStatistic(scores, positive)(Int32Array.from(scores.keys()));
  return value ?? lacksClass(positive) ?? { notDefined: 'there is no AUC' };
}
