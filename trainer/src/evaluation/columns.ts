/** Samples of a level → the columns that the statistics take. Pure. */
import { binarySamples, classSamples, type BinarySamples, type ClassSamples } from '../statistics/samples.ts';
import type { Attribute } from '../statistics/subgroups.ts';
import type { FactsByFile } from './facts.ts';
import type { Classes, LevelSample } from './levels.ts';

export interface Columns {
  /** The positive label against the rest, by its probability. */
  readonly binary: BinarySamples;
  readonly classes: ClassSamples;
}

/** @throws TrainerError NOT_A_NUMBER, INTERNAL where a sample has a label that the model does not know */
export function columnsOf(samples: readonly LevelSample[], { labels, positiveLabel }: Classes): Columns {
  return { binary: binarySamples(samples, positiveLabel), classes: classSamples(samples, labels) };
}

/** Each shortcut as one number a sample: the mean over those of its images that have it. */
export function shortcutsOf(
  samples: readonly LevelSample[],
  facts: FactsByFile,
): Readonly<Record<string, readonly (number | undefined)[]>> {
  return byName(facts, 'shortcuts', (name) =>
    samples.map(({ files }) => {
      const known = files.flatMap((file) => facts.get(file)?.shortcuts[name] ?? []);
      return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length;
    }),
  );
}

/** As many values of an attribute are told apart; the rarer ones are one row. */
const MOST_VALUES = 12;
const MOST_ATTRIBUTES = 12;

/** Each attribute as one text a sample; of a sample whose images differ, `several`. */
export function attributesOf(
  samples: readonly LevelSample[],
  facts: FactsByFile,
): Readonly<Record<string, Attribute>> {
  const all = byName(facts, 'attributes', (name) =>
    withoutRare(
      samples.map(({ files }) => {
        const values = new Set(files.flatMap((file) => facts.get(file)?.attributes[name] ?? []));
        return values.size > 1 ? 'several' : [...values][0];
      }),
    ),
  );
  // One value for all parts nothing.
  const parting = Object.entries(all).filter(([, values]) => new Set(values).size > 1);
  return Object.fromEntries(parting.slice(0, MOST_ATTRIBUTES));
}

function withoutRare(values: Attribute): Attribute {
  const counts = Map.groupBy(values, (value) => value);
  if (counts.size <= MOST_VALUES) return values;
  const frequent = [...counts]
    .toSorted(([a = '', one], [b = '', other]) => other.length - one.length || (a < b ? -1 : 1))
    .slice(0, MOST_VALUES - 1);
  const kept = new Set(frequent.map(([value]) => value));
  return values.map((value) => (value === undefined || kept.has(value) ? value : 'any other'));
}

function byName<Column>(
  facts: FactsByFile,
  kind: 'shortcuts' | 'attributes',
  columnOf: (name: string) => Column,
): Readonly<Record<string, Column>> {
  const names = new Set([...facts.values()].flatMap((each) => Object.keys(each[kind])));
  return Object.fromEntries([...names].toSorted().map((name) => [name, columnOf(name)]));
}
