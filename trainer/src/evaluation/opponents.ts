/** What a model has to beat on the same samples: numbers that are no image, and the model that serves now. Pure. */
import type { Aggregation, Level, LevelDecision } from '@hilum/model';
import type { ImageScore } from '../evaluation.ts';
import { compareAuc, estimateAuc } from '../statistics/auc.ts';
import type { BootstrapOptions } from '../statistics/bootstrap.ts';
import { isDefined, pickRows, type BinarySamples, type NotDefined } from '../statistics/samples.ts';
import { shortcutBaselines } from '../statistics/shortcuts.ts';
import type { ChampionComparison, LevelAssessment } from './assessment.ts';
import { shortcutsOf, type Columns } from './columns.ts';
import type { FactsByFile } from './facts.ts';
import { DEFAULT_AGGREGATION, samplesAt, type Classes, type LevelSample } from './levels.ts';

export interface Champion {
  /** As people know it: a version, an alias. */
  readonly name: string;
  /** Its scores of the images of the same part. */
  readonly scores: readonly ImageScore[];
  /** Its own; the default where it is not known. */
  readonly aggregation?: Aggregation;
}

/** Baselines, and for the plot their scores where the feature is known, turned so that higher is positive. */
export function shortcutsAt(
  samples: readonly LevelSample[],
  { binary }: Columns,
  learnt: LevelDecision | undefined,
  facts: FactsByFile,
  options: BootstrapOptions,
): {
  readonly baselines: LevelAssessment['shortcuts'];
  readonly scores: Readonly<Record<string, BinarySamples>>;
} {
  const features = shortcutsOf(samples, facts);
  const baselines = shortcutBaselines(learnt?.shortcuts ?? {}, { samples: binary, features }, options);
  const scores = Object.entries(baselines).flatMap(([name, baseline]) => {
    if (!isDefined(baseline)) return [];
    const sign = baseline.direction.positiveWhere === 'lower' ? -1 : 1;
    const column = features[name] ?? [];
    const rows = [...column.keys()].filter((row) => column[row] !== undefined);
    const turned = rows.map((row) => sign * (column[row] ?? 0));
    return [[name, { ...pickRows(binary, rows), scores: turned }] as const];
  });
  return { baselines, scores: Object.fromEntries(scores) };
}

/** Undefined where there is no champion. */
export function championAt(
  level: Level,
  samples: readonly LevelSample[],
  { binary }: Columns,
  { champion, labels, positiveLabel }: Classes & { readonly champion?: Champion },
  options: BootstrapOptions,
): { readonly comparison: ChampionComparison | NotDefined; readonly scores?: BinarySamples } | undefined {
  if (champion === undefined) return undefined;
  if (champion.scores.some(({ probabilities }) => probabilities[positiveLabel] === undefined)) {
    return { comparison: { notDefined: `the champion has no label ${positiveLabel}` } };
  }
  const aggregation = champion.aggregation ?? DEFAULT_AGGREGATION;
  const theirs = new Map(
    samplesAt(level, champion.scores, aggregation, { labels, positiveLabel }).map((sample) => [
      sample.name,
      sample,
    ]),
  );
  // A unit of which the champion refused a slice is another sample than ours.
  const rows = [...samples.keys()].filter((row) => {
    const [ours, other] = [samples[row], theirs.get(samples[row]?.name ?? '')];
    return ours !== undefined && ours.files.length === other?.files.length;
  });
  const scores = rows.map((row) => {
    const other = theirs.get(samples[row]?.name ?? '');
    return other?.probabilities[positiveLabel] ?? Number.NaN;
  });
  const common = pickRows(binary, rows);
  return {
    comparison: {
      name: champion.name,
      samples: rows.length,
      aucRoc: estimateAuc({ ...common, scores }, options),
      model: compareAuc(common, scores, options),
    },
    scores: { ...common, scores },
  };
}
