/** What an evaluation says; all of it is JSON, of a size that does not grow with the test part. */
import type { Decision, Level, OperatingPoint } from '@hilum/model';
import type { AucComparison, AucEstimate } from '../statistics/auc.ts';
import type { BootstrapInterval } from '../statistics/bootstrap.ts';
import type { Calibration } from '../statistics/calibration.ts';
import type { Abstention } from '../statistics/conformal.ts';
import type { Confusion } from '../statistics/confusion.ts';
import type { PredictiveValues, Rates } from '../statistics/operating-point.ts';
import type { NotDefined } from '../statistics/samples.ts';
import type { RocBandPoint } from '../statistics/roc-band.ts';
import type { ShortcutBaseline } from '../statistics/shortcuts.ts';
import type { SubgroupRow } from '../statistics/subgroups.ts';

export interface Assessment {
  readonly version: 1;
  readonly note: string;
  readonly part: 'train' | 'validation' | 'test' | 'all';
  readonly labels: readonly string[];
  readonly positiveLabel: string;
  /** Everything that was chosen before these samples were looked at; absent where it is not known. */
  readonly decision?: Decision;
  readonly bootstrap: { readonly seed: number | string; readonly resamples: number; readonly level: number };
  readonly levels: Readonly<Record<Level, LevelAssessment>>;
  /** Parts of the units (nodules, series). Many rows are many looks. */
  readonly subgroups: readonly SubgroupRow[];
  /** What a reader must know before believing a figure. */
  readonly caveats: readonly string[];
}

export interface LevelAssessment {
  readonly level: Level;
  readonly samples: number;
  readonly positives: number;
  /** Patients or exams, by which the bootstrap draws. */
  readonly groups: number;
  /** Of the most probable label: `wilson` takes samples for independent, `byGroup` does not. */
  readonly accuracy: Rate;
  readonly aucRoc: AucEstimate | NotDefined;
  readonly averagePrecision: AveragePrecision | NotDefined;
  readonly operating: Operating | NotDefined;
  readonly confusion: Confusion;
  /** Of the positive label against the rest. */
  readonly calibration: CalibrationPair | NotDefined;
  readonly abstention: (Abstention & { readonly setSizes: readonly number[] }) | NotDefined;
  /** Where there are more than two labels: each against the rest, and their mean. */
  readonly classes?: ClassFigures;
  /** By feature: what a number that is no image knows of the label, and the model beside it. */
  readonly shortcuts: Readonly<Record<string, ShortcutBaseline | NotDefined>>;
  readonly champion?: ChampionComparison | NotDefined;
  readonly curves: Curves;
}

export interface Rate {
  readonly wilson: Rates['accuracy'];
  readonly byGroup: BootstrapInterval | NotDefined;
}

export interface AveragePrecision {
  readonly value: number;
  /** That of a coin. */
  readonly prevalence: number;
  readonly bootstrap: BootstrapInterval | NotDefined;
}

export interface Operating {
  readonly chosen: OperatingPoint;
  readonly counts: Pick<Rates, 'truePositives' | 'falsePositives' | 'trueNegatives' | 'falseNegatives'>;
  readonly sensitivity: Rate;
  readonly specificity: Rate;
  readonly accuracy: Rate;
  /** At each prevalence that was asked for. */
  readonly predictiveValues: readonly PredictiveValues[];
}

export interface CalibrationPair {
  readonly before: Calibration;
  /** At the temperature of the decision; absent where there is none. */
  readonly after?: Calibration;
  readonly temperature?: number;
}

export interface ClassFigures {
  readonly oneVersusRest: Readonly<Record<string, AucEstimate | NotDefined>>;
  readonly macroAucRoc: number | NotDefined;
  /** Also balanced accuracy. */
  readonly macroRecall: number | NotDefined;
}

export interface ChampionComparison {
  readonly name: string;
  /** Test samples that both have scored; the figures are of these. */
  readonly samples: number;
  readonly aucRoc: AucEstimate | NotDefined;
  /** AUC of the model less that of the champion. */
  readonly model: AucComparison | NotDefined;
}

/** At most 500 points each. */
export interface Curves {
  readonly roc: readonly RocCurvePoint[];
  /** The sensitivity at steps of the false-positive rate, with the pointwise interval of the bootstrap by group. */
  readonly rocBand: readonly RocBandPoint[];
  readonly precisionRecall: readonly PrecisionRecallCurvePoint[];
  /** ROC of each shortcut whose direction is known. */
  readonly shortcuts: Readonly<Record<string, readonly RocCurvePoint[]>>;
  readonly champion?: readonly RocCurvePoint[];
  /** Samples by label in twenty equal bins of the positive label's probability, the first from 0. */
  readonly histogram: Readonly<Record<string, readonly number[]>>;
}

export interface RocCurvePoint {
  /** Absent at (0, 0), where nothing is called positive. */
  readonly threshold?: number;
  readonly fpr: number;
  readonly tpr: number;
}

interface PrecisionRecallCurvePoint {
  readonly threshold: number;
  readonly recall: number;
  readonly precision: number;
}
