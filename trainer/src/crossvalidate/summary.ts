/** The scores of all folds → what they say, at three levels. Pure. */
import type { Level } from '@hilum/model';
import type { DatasetImage } from '../dataset/scan.ts';
import { byLabel, type ImageScore } from '../evaluation.ts';
import { shortcutsOf } from '../evaluation/columns.ts';
import type { FactsByFile } from '../evaluation/facts.ts';
import { DEFAULT_AGGREGATION, samplesAt, type Classes, type LevelSample } from '../evaluation/levels.ts';
import { aucIntervals, aucStatistic, type AucEstimate } from '../statistics/auc.ts';
import {
  bootstrapByGroup,
  difference,
  type BootstrapInterval,
  type BootstrapOptions,
  type Statistic,
} from '../statistics/bootstrap.ts';
import { isDefined, lacksClass, type NotDefined } from '../statistics/samples.ts';
import type { OuterFold, PartsOptions } from './parts.ts';
import type { FoldRecord } from './record.ts';

export interface CrossValidation extends Classes {
  readonly version: 1;
  readonly note: string;
  readonly seed: number;
  readonly folds: number;
  readonly repeats: number;
  readonly innerFolds: number;
  readonly levels: Readonly<Record<Level, LevelSummary>>;
  /** What each fold chose, by repeat and fold. */
  readonly chosen: readonly (Pick<FoldRecord, 'repeat' | 'fold' | 'chosen' | 'bestEpoch'> & {
    /** Of its units. */
    readonly aucRoc: number | null;
  })[];
  /** How many folds chose each candidate; of a search, how many were searched. */
  readonly choices: Readonly<Record<string, number>>;
  /** Every image with its score of each repeat, by path: whatever else is wanted can be computed of these. */
  readonly scores: readonly {
    readonly file: string;
    readonly label: string;
    readonly patient: string;
    readonly unit: string;
    /** Of the positive label. */
    readonly probabilities: readonly number[];
  }[];
}

export interface LevelSummary {
  readonly samples: number;
  readonly positives: number;
  /** Patients or exams, by which the bootstrap draws. */
  readonly groups: number;
  readonly aucRoc: RepeatedAuc | NotDefined;
  readonly shortcuts: Readonly<Record<string, ShortcutSummary | NotDefined>>;
}

interface RepeatedAuc {
  /** Over the repeats. */
  readonly mean: number;
  /** Of all scores of a repeat together. */
  readonly perRepeat: readonly number[];
  /** Of each fold alone, all repeats; folds of one label left out. */
  readonly perFold: Spread | NotDefined;
  /**
   * Of the mean over the repeats, by drawing patients: what other patients would have given; by the number of patients
   * alone where all draws are alike.
   */
  readonly interval: BootstrapInterval | AucEstimate['score'];
}

interface Spread {
  readonly mean: number;
  readonly sd: number;
  readonly min: number;
  readonly max: number;
}

/** A number that is no image, turned the way that serves it best on all samples: an upper bound of what it knows. */
interface ShortcutSummary {
  readonly positiveWhere: 'higher' | 'lower';
  /** Of which it is known; the figures are of these. */
  readonly samples: number;
  readonly aucRoc: number;
  /** AUC of the model, mean over the repeats, less that of the shortcut. */
  readonly difference: number;
  /** Of the difference, by drawing patients for both at once. */
  readonly interval: BootstrapInterval | NotDefined;
}

export interface SummaryOptions extends Classes, PartsOptions {
  readonly images: readonly DatasetImage[];
  readonly outer: readonly OuterFold[];
  readonly records: readonly FoldRecord[];
  /** Of the candidates. */
  readonly names: readonly string[];
  readonly facts?: FactsByFile;
  readonly resamples?: number;
}

/** @throws TrainerError NOT_A_NUMBER, INTERNAL */
export function summariseFolds(options: SummaryOptions): CrossValidation {
  const { images, labels, positiveLabel, seed, folds, repeats, innerFolds, outer, records } = options;
  const byRepeat = Array.from({ length: repeats }, (_, repeat) => {
    const own = records.filter((record) => record.repeat === repeat);
    return own.map((record) => {
      const { test = [] } = outer.find((one) => one.repeat === repeat && one.fold === record.fold) ?? {};
      return { fold: record.fold, test, rows: record.probabilities };
    });
  });
  const scored = byRepeat.map((parts) => scoresOf(images, labels, parts));
  const folded = byRepeat.map(
    (parts) =>
      new Map(parts.flatMap(({ fold, test }) => test.map((index) => [images[index]?.file ?? '', fold]))),
  );
  const level = (name: Level): LevelSummary =>
    summariseLevel(
      scored.map((own) => samplesAt(name, own, DEFAULT_AGGREGATION, { labels, positiveLabel })),
      folded,
      options,
    );
  const levels = { image: level('image'), unit: level('unit'), patient: level('patient') };
  const units = scored.map((own) => samplesAt('unit', own, DEFAULT_AGGREGATION, { labels, positiveLabel }));
  return {
    version: 1,
    note: 'Research use only, not for diagnosis.',
    labels,
    positiveLabel,
    seed,
    folds,
    repeats,
    innerFolds,
    levels,
    chosen: records
      .toSorted((a, b) => a.repeat - b.repeat || a.fold - b.fold)
      .map(({ repeat, fold, chosen, bestEpoch }) => ({
        repeat,
        fold,
        chosen,
        bestEpoch,
        aucRoc: foldAuc(units[repeat] ?? [], folded[repeat], fold, positiveLabel) ?? null,
      })),
    choices: Object.fromEntries(
      options.names.map((name) => [name, records.filter(({ chosen }) => chosen.name === name).length]),
    ),
    scores: images.map(({ file, label, patient, unit }, index) => ({
      file,
      label,
      patient,
      unit,
      probabilities: scored.map((own) => own[index]?.probabilities[positiveLabel] ?? Number.NaN),
    })),
  };
}

/** Every image of one repeat with the score that its fold gave it, in the order of the dataset. */
function scoresOf(
  images: readonly DatasetImage[],
  labels: readonly string[],
  parts: readonly { readonly test: readonly number[]; readonly rows: FoldRecord['probabilities'] }[],
): readonly ImageScore[] {
  const rows = new Map(parts.flatMap(({ test, rows: own }) => test.map((index, at) => [index, own[at]])));
  return images.map((image, index) => scoreOf(image, byLabel(labels, rows.get(index) ?? [])));
}

function scoreOf(image: DatasetImage, probabilities: ImageScore['probabilities']): ImageScore {
  return { ...image, probabilities };
}

/** @param repeats the same samples in the same order, each time with the scores of one repeat */
function summariseLevel(
  repeats: readonly (readonly LevelSample[])[],
  folded: readonly ReadonlyMap<string, number>[],
  { positiveLabel, facts, seed, resamples = 2000, folds }: SummaryOptions,
): LevelSummary {
  const [samples = []] = repeats;
  const positive = samples.map(({ label }) => label === positiveLabel);
  const groups = samples.map(({ patient }) => patient);
  const scores = repeats.map((own) =>
    own.map(({ probabilities }) => probabilities[positiveLabel] ?? Number.NaN),
  );
  const bootstrap = { seed, resamples };
  const perFold = repeats.flatMap((own, repeat) =>
    Array.from({ length: folds }, (_, fold) => foldAuc(own, folded[repeat], fold, positiveLabel)),
  );
  return {
    samples: samples.length,
    positives: positive.filter(Boolean).length,
    groups: new Set(groups).size,
    aucRoc: repeatedAuc({ scores, positive, groups }, perFold, bootstrap),
    shortcuts: Object.fromEntries(
      Object.entries(shortcutsOf(samples, facts ?? new Map())).map(([name, values]) => [
        name,
        shortcutSummary({ scores, positive, groups }, values, bootstrap),
      ]),
    ),
  };
}

interface RepeatedSamples {
  /** A row for each repeat. */
  readonly scores: readonly (readonly number[])[];
  readonly positive: readonly boolean[];
  readonly groups: readonly string[];
}

function repeatedAuc(
  { scores, positive, groups }: RepeatedSamples,
  perFold: readonly (number | undefined)[],
  options: BootstrapOptions,
): RepeatedAuc | NotDefined {
  const all = Int32Array.from(positive.keys());
  const perRepeat = scores.flatMap((own) => aucStatistic(own, positive)(all) ?? []);
  if (perRepeat.length < scores.length) return lacksClass(positive) ?? { notDefined: 'there is no AUC' };
  const mean = meanOf(perRepeat);
  const truth = { positive, groups };
  const { bootstrap, score } = aucIntervals(mean, meanAuc(scores, positive), truth, options);
  return {
    mean,
    perRepeat,
    perFold: spreadOf(perFold.filter((auc) => auc !== undefined)),
    interval: isDefined(bootstrap) ? bootstrap : score,
  };
}

function spreadOf(values: readonly number[]): Spread | NotDefined {
  if (values.length < 2) return { notDefined: 'fewer than two folds have an AUC' };
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    mean,
    sd: Math.sqrt(squares / (values.length - 1)),
    min: Math.min(...values),
    max: Math.max(...values),
  };
}

function shortcutSummary(
  { scores, positive, groups }: RepeatedSamples,
  values: readonly (number | undefined)[],
  options: BootstrapOptions,
): ShortcutSummary | NotDefined {
  const rows = [...values.keys()].filter((row) => values[row] !== undefined);
  const pick = <T>(column: readonly T[]): readonly T[] => rows.flatMap((row) => column.slice(row, row + 1));
  const known = pick(values).map((value) => value ?? Number.NaN);
  const truth = pick(positive);
  const all = Int32Array.from(known.keys());
  const upright = aucStatistic(known, truth)(all);
  if (upright === undefined) return lacksClass(truth) ?? { notDefined: 'there is no AUC' };
  const sign = upright < 0.5 ? -1 : 1;
  const shortcut = aucStatistic(
    known.map((value) => sign * value),
    truth,
  );
  const paired = difference(meanAuc(scores.map(pick), truth), shortcut);
  return {
    positiveWhere: sign > 0 ? 'higher' : 'lower',
    samples: known.length,
    aucRoc: sign > 0 ? upright : 1 - upright,
    difference: paired(all) ?? Number.NaN,
    interval: bootstrapByGroup(pick(groups), paired, options),
  };
}

/** Of any rows: the mean over the repeats, which all have the same rows. */
function meanAuc(scores: readonly (readonly number[])[], positive: readonly boolean[]): Statistic {
  const each = scores.map((own) => aucStatistic(own, positive));
  return (rows) => {
    const aucs = each.map((statistic) => statistic(rows));
    const known = aucs.filter((auc) => auc !== undefined);
    return known.length < aucs.length ? undefined : meanOf(known);
  };
}

function foldAuc(
  samples: readonly LevelSample[],
  folded: ReadonlyMap<string, number> | undefined,
  fold: number,
  positiveLabel: string,
): number | undefined {
  const own = samples.filter(({ files }) => folded?.get(files[0] ?? '') === fold);
  const statistic = aucStatistic(
    own.map(({ probabilities }) => probabilities[positiveLabel] ?? Number.NaN),
    own.map(({ label }) => label === positiveLabel),
  );
  return statistic(Int32Array.from(own.keys()));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
