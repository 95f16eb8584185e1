/** Figures with their intervals under each other: the model beside its opponents, and its parts. */
import type { Assessment, LevelAssessment } from '../evaluation/assessment.ts';
import { LEVELS } from '../evaluation/levels.ts';
import { intervalOf, type AucComparison, type AucEstimate } from '../statistics/auc.ts';
import { isDefined, type NotDefined } from '../statistics/samples.ts';
import { COLOUR, sampleText, withInterval, wordOf, type Part, type Plot } from './theme.ts';

interface ForestRow {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly colour: string;
  /** In the columns at the right. */
  readonly figure: string;
  readonly more: string;
}

/** Undefined where the model has no AUC. */
export function opponentsPlot(assessment: Assessment, level: LevelAssessment): Plot | undefined {
  if (!isDefined(level.aucRoc)) return undefined;
  const rows: ForestRow[] = LEVELS.flatMap((each) =>
    rowOf(`model, by ${wordOf(each)}`, assessment.levels[each].aucRoc, COLOUR.model, ''),
  );
  const known = Object.values(level.shortcuts).flatMap((baseline) =>
    isDefined(baseline) && isDefined(baseline.auc) ? [baseline] : [],
  );
  for (const { feature, auc, model } of known)
    rows.push(...rowOf(`${wordOf(feature)} alone`, auc, COLOUR.opponent, compared(model)));
  const { champion } = level;
  if (champion !== undefined && isDefined(champion))
    rows.push(...rowOf(champion.name, champion.aucRoc, COLOUR.champion, compared(champion.model)));
  const unbeaten = known.filter(({ model }) => !isAbove(model)).length;
  return {
    title: shortcutTitle(known.length, unbeaten),
    subtitle: [
      `AUC-ROC with 95 % intervals, patients resampled; opponents by ${wordOf(level.level)}.`,
      sampleText(level, assessment),
    ],
    wide: true,
    panels: [
      {
        width: 360,
        height: { step: 28 },
        layer: forest(rows, { more: 'the model is better by' }),
      },
    ],
  };
}

function shortcutTitle(known: number, unbeaten: number): string {
  if (known === 0) return 'The model, beside no shortcut: none was measured';
  if (unbeaten === 0) return 'The model knows more than any of these numbers that are no image';
  return `It is not shown that the model beats ${unbeaten} of ${known} numbers that are no image`;
}

function isAbove(model: AucComparison | NotDefined): boolean {
  return isDefined(model) && isDefined(model.bootstrap) && model.bootstrap.low > 0;
}

/** Undefined where no attribute parts the samples. */
export function subgroupPlot({ subgroups, levels }: Assessment): Plot | undefined {
  const whole = levels.unit.aucRoc;
  if (!isDefined(whole)) return undefined;
  const parts = subgroups.flatMap(({ attribute, value, auc, samples, positives }) =>
    rowOf(`${wordOf(attribute)}: ${value ?? 'not known'}`, auc, COLOUR.model, `${samples} (${positives})`),
  );
  if (parts.length === 0) return undefined;
  const { samples, positives } = levels.unit;
  const all = rowOf('all', whole, COLOUR.text, `${samples} (${positives})`);
  const hidden = subgroups.length - parts.length;
  const values = parts.map(({ value }) => value);
  return {
    title: `By part of the samples, the AUC-ROC goes from ${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`,
    subtitle: [
      'Nodules or series of each part, with 95 % intervals, patients resampled. The dashed line is the AUC of all. Many rows are many looks.',
      ...(hidden === 0 ? [] : [`Not shown, as they hold one label only: ${hidden} of ${subgroups.length}.`]),
    ],
    wide: true,
    panels: [
      {
        width: 360,
        height: { step: 26 },
        layer: forest([...all, ...parts], { more: 'samples (positive)', line: whole.value }),
      },
    ],
  };
}

function rowOf(
  name: string,
  auc: AucEstimate | NotDefined,
  colour: string,
  more: string,
): readonly ForestRow[] {
  if (!isDefined(auc)) return [];
  const { low, high } = intervalOf(auc);
  return [
    { name, value: auc.value, low, high, colour, figure: withInterval(auc.value, { low, high }), more },
  ];
}

function compared(model: AucComparison | NotDefined): string {
  if (!isDefined(model)) return '';
  const { difference, bootstrap } = model;
  return isDefined(bootstrap)
    ? `${signed(difference)} (${signed(bootstrap.low)} to ${signed(bootstrap.high)})`
    : signed(difference);
}

function signed(number: number): string {
  return `${number < 0 ? '−' : '+'}${Math.abs(number).toFixed(3)}`;
}

/** How far from the panel's right edge the two columns of text begin. */
const COLUMNS = { figure: 18, more: 165 } as const;

function forest(
  rows: readonly ForestRow[],
  { more, line }: { readonly more: string; readonly line?: number },
): readonly Part[] {
  const least = Math.min(0.5, ...rows.map(({ low }) => low));
  const y = {
    field: 'name',
    type: 'nominal',
    sort: null,
    axis: { title: null, domain: false, ticks: false, labelLimit: 260, labelFontSize: 12, labelPadding: 8 },
  };
  const x = {
    type: 'quantitative',
    scale: { domain: [Math.floor(least * 10) / 10, 1], nice: false },
    axis: { title: 'AUC-ROC', format: '.1f', tickCount: 6 },
  };
  const color = { field: 'colour', type: 'nominal', scale: null };
  const values = { values: rows };
  return [
    ...(line === undefined
      ? []
      : [
          {
            data: { values: [{ line }] },
            mark: { type: 'rule', color: COLOUR.quiet, strokeDash: [4, 3] },
            encoding: { x: { ...x, field: 'line' } },
          },
        ]),
    {
      data: values,
      mark: { type: 'rule', strokeWidth: 2.2 },
      encoding: { y, x: { ...x, field: 'low' }, x2: { field: 'high' }, color },
    },
    {
      data: values,
      mark: { type: 'point', filled: true, size: 80, opacity: 1 },
      encoding: { y, x: { ...x, field: 'value' }, color },
    },
    ...column(values, y, 'figure', 'AUC-ROC (95 %)'),
    ...column(values, y, 'more', more),
  ];
}

function column(data: Part, y: Part, field: 'figure' | 'more', title: string): readonly Part[] {
  const mark = { type: 'text', align: 'left', x: 'width', dx: COLUMNS[field], fontSize: 11 };
  return [
    { data, mark, encoding: { y, text: { field } } },
    {
      data: { values: [{ title }] },
      mark: { ...mark, y: -8, fontWeight: 600, color: '#4B5563' },
      encoding: { text: { field: 'title' } },
    },
  ];
}
