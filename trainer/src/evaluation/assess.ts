/** Scores of the untouched part → all that is said of a model. Nothing is chosen here. Pure given its seed. */
import { atTemperature, conformalAnswer, type Decision, type Level, type LevelDecision } from '@hilum/model';
import { RESEARCH_USE_ONLY, type ImageScore } from '../evaluation.ts';
import { estimateAuc } from '../statistics/auc.ts';
import { bootstrapByGroup, type BootstrapOptions, type Statistic } from '../statistics/bootstrap.ts';
import { calibrate } from '../statistics/calibration.ts';
import { abstention } from '../statistics/conformal.ts';
import { confusion, mostProbable } from '../statistics/confusion.ts';
import { predictiveValues, ratesAt, rateStatistic } from '../statistics/operating-point.ts';
import { averagePrecisionStatistic, precisionRecall } from '../statistics/precision-recall.ts';
import { isDefined, type BinarySamples, type ClassSamples, type NotDefined } from '../statistics/samples.ts';
import { subgroupTable, type SubgroupRow } from '../statistics/subgroups.ts';
import type {
  Assessment,
  AveragePrecision,
  CalibrationPair,
  ClassFigures,
  LevelAssessment,
  Operating,
  Rate,
} from './assessment.ts';
import { caveatsOf } from './caveats.ts';
import { attributesOf, columnsOf, type Columns } from './columns.ts';
import { curvesOf } from './curves.ts';
import type { FactsByFile } from './facts.ts';
import { DEFAULT_AGGREGATION, samplesAt, type Classes, type LevelSample } from './levels.ts';
import { championAt, shortcutsAt, type Champion } from './opponents.ts';

export interface AssessInput extends Classes {
  readonly part: Assessment['part'];
  /** Scores of that part, in any order. */
  readonly scores: readonly ImageScore[];
  /** Of `decide`, or of the package; without it there is no operating point, temperature or threshold. */
  readonly decision?: Decision;
  readonly facts?: FactsByFile;
  readonly champion?: Champion;
}

export interface AssessOptions {
  readonly seed: number | string;
  /** 2000 unless told. */
  readonly resamples?: number;
  /** Of disease where the model would be used, for PPV and NPV; 0.01 and 0.05 unless told. */
  readonly prevalences?: readonly number[];
}

const LEVEL = 0.95;

/** @throws TrainerError NOT_A_NUMBER, INTERNAL where a score has a label that is not in the list */
export function assess(input: AssessInput, options: AssessOptions): Assessment {
  const { labels, positiveLabel, part, decision } = input;
  const { seed, resamples = 2000, prevalences = [0.01, 0.05] } = options;
  const bootstrap = { seed, resamples, level: LEVEL };
  const at = (level: Level) => assessLevel(level, input, prevalences, bootstrap);
  const levels = { image: at('image'), unit: at('unit'), patient: at('patient') };
  return {
    version: 1,
    note: RESEARCH_USE_ONLY,
    part,
    labels,
    positiveLabel,
    ...(decision !== undefined && { decision }),
    bootstrap,
    levels,
    subgroups: subgroupsOf(input, bootstrap),
    caveats: caveatsOf({ part, levels, decision }),
  };
}

function assessLevel(
  level: Level,
  input: AssessInput,
  prevalences: readonly number[],
  options: BootstrapOptions,
): LevelAssessment {
  const { labels, decision } = input;
  const samples = samplesOf(level, input);
  const columns = columnsOf(samples, input);
  const { binary, classes } = columns;
  const learnt = decision?.levels[level];
  const shortcuts = shortcutsAt(samples, columns, learnt, input.facts ?? new Map(), options);
  const champion = championAt(level, samples, columns, input, options);
  const right = classes.probabilities.map((row, at) => mostProbable(row) === classes.classes[at]);
  const confused = confusion(classes, labels.length, options.level);
  return {
    level,
    samples: samples.length,
    positives: binary.positive.filter(Boolean).length,
    groups: new Set(binary.groups).size,
    accuracy: {
      wilson: confused.accuracy,
      byGroup: bootstrapByGroup(binary.groups, shareStatistic(right), options),
    },
    aucRoc: estimateAuc(binary, options),
    averagePrecision: averagePrecisionOf(binary, options),
    operating: operatingOf(binary, learnt, prevalences, options),
    confusion: confused,
    calibration: calibrationOf(columns, learnt, labels.indexOf(input.positiveLabel)),
    abstention: abstentionOf(classes, learnt, labels.length),
    ...(labels.length > 2 && { classes: classFigures(samples, confused.recall, labels, options) }),
    shortcuts: shortcuts.baselines,
    ...(champion !== undefined && { champion: champion.comparison }),
    curves: curvesOf(
      samples,
      binary,
      {
        shortcuts: shortcuts.scores,
        ...(champion?.scores !== undefined && { champion: champion.scores }),
      },
      labels,
      options,
    ),
  };
}

function samplesOf(level: Level, { scores, decision, ...classes }: AssessInput): readonly LevelSample[] {
  return samplesAt(level, scores, decision?.aggregation ?? DEFAULT_AGGREGATION, classes);
}

const NO_DECISION: NotDefined = {
  notDefined: 'nothing was chosen on validation: there is no decision.json',
};

function averagePrecisionOf(binary: BinarySamples, options: BootstrapOptions): AveragePrecision | NotDefined {
  const curve = precisionRecall(binary);
  if (!isDefined(curve)) return curve;
  const { averagePrecision: value, prevalence } = curve;
  const bootstrap = bootstrapByGroup(binary.groups, averagePrecisionStatistic(binary), options);
  return { value, prevalence, bootstrap };
}

function operatingOf(
  binary: BinarySamples,
  learnt: LevelDecision | undefined,
  prevalences: readonly number[],
  options: BootstrapOptions,
): Operating | NotDefined {
  const chosen = learnt?.operatingPoint ?? NO_DECISION;
  if (!isDefined(chosen)) return chosen;
  const rates = ratesAt(binary, chosen.threshold, options.level);
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = rates;
  const rate = (name: 'sensitivity' | 'specificity' | 'accuracy'): Rate => ({
    wilson: rates[name],
    byGroup: bootstrapByGroup(binary.groups, rateStatistic(binary, chosen.threshold, name), options),
  });
  return {
    chosen,
    counts: { truePositives, falsePositives, trueNegatives, falseNegatives },
    sensitivity: rate('sensitivity'),
    specificity: rate('specificity'),
    accuracy: rate('accuracy'),
    predictiveValues: prevalences.map((prevalence) => predictiveValues(rates, prevalence)),
  };
}

function calibrationOf(
  { binary, classes }: Columns,
  learnt: LevelDecision | undefined,
  positiveClass: number,
): CalibrationPair | NotDefined {
  const before = calibrate(binary.scores, binary.positive);
  if (!isDefined(before)) return before;
  const fitted = learnt?.temperature ?? NO_DECISION;
  if (!isDefined(fitted)) return { before };
  const { temperature } = fitted;
  const tempered = classes.probabilities.map((row) => atTemperature(row, temperature)[positiveClass] ?? 0);
  const after = calibrate(tempered, binary.positive);
  return { before, ...(isDefined(after) && { after, temperature }) };
}

function abstentionOf(
  classes: ClassSamples,
  learnt: LevelDecision | undefined,
  width: number,
): LevelAssessment['abstention'] {
  const threshold = learnt?.conformal ?? NO_DECISION;
  if (!isDefined(threshold)) return threshold;
  const setSizes = Array.from({ length: width + 1 }, () => 0);
  for (const row of classes.probabilities) {
    const size = conformalAnswer(row, threshold.threshold).length;
    setSizes[size] = (setSizes[size] ?? 0) + 1;
  }
  return { ...abstention(classes, threshold), setSizes };
}

function classFigures(
  samples: readonly LevelSample[],
  recall: LevelAssessment['confusion']['recall'],
  labels: readonly string[],
  options: BootstrapOptions,
): ClassFigures {
  const estimates = labels.map((label) => {
    const { binary } = columnsOf(samples, { labels, positiveLabel: label });
    return [label, estimateAuc(binary, options)] as const;
  });
  return {
    oneVersusRest: Object.fromEntries(estimates),
    macroAucRoc: meanOf(estimates.map(([, estimate]) => estimate)),
    macroRecall: meanOf(recall),
  };
}

function meanOf(figures: readonly ({ readonly value: number } | NotDefined)[]): number | NotDefined {
  const known = figures.filter((figure) => isDefined(figure));
  if (known.length < figures.length) return { notDefined: 'a class of the model has no such figure here' };
  return known.reduce((sum, { value }) => sum + value, 0) / known.length;
}

/** Part of the drawn rows that is right. */
function shareStatistic(right: readonly boolean[]): Statistic {
  return (rows) => {
    let hits = 0;
    for (const row of rows) if (right[row] === true) hits += 1;
    return rows.length === 0 ? undefined : hits / rows.length;
  };
}

function subgroupsOf(input: AssessInput, options: BootstrapOptions): readonly SubgroupRow[] {
  const samples = samplesOf('unit', input);
  const point = input.decision?.levels.unit.operatingPoint ?? NO_DECISION;
  return subgroupTable(
    columnsOf(samples, input).binary,
    attributesOf(samples, input.facts ?? new Map()),
    isDefined(point) ? { ...options, threshold: point.threshold } : options,
  );
}
