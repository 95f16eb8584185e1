/** ROC and precision against recall. */
import type { Assessment, LevelAssessment } from '../evaluation/assessment.ts';
import { intervalOf } from '../statistics/auc.ts';
import { isDefined } from '../statistics/samples.ts';
import { COLOUR, sampleText, withInterval, wordOf, type Part, type Plot, type Row } from './theme.ts';

const SIDE = 400;

const percentAxis = (title: string): Part => ({
  title,
  format: '.0%',
  values: [0, 0.2, 0.4, 0.6, 0.8, 1],
  tickSize: 4,
});

/** Undefined without both classes. */
export function rocPlot(assessment: Assessment, level: LevelAssessment): Plot | undefined {
  const { curves, aucRoc, operating } = level;
  if (!isDefined(aucRoc) || curves.roc.length === 0) return undefined;
  const name = `model, AUC ${withInterval(aucRoc.value, intervalOf(aucRoc))}`;
  const others = opponentsOf(level);
  const names = [name, ...others.map((other) => other.name)];
  const colours = [COLOUR.model, ...others.map((other) => other.colour)];
  const color = scaled(names, colours, 'bottom');
  const dashes = [[1, 0], ...others.map((other) => other.dash)];
  const layer: Part[] = [
    {
      data: {
        values: [
          { x: 0, y: 0 },
          { x: 1, y: 1 },
        ],
      },
      mark: { type: 'line', color: '#D1D5DB', strokeDash: [3, 3] },
      encoding: xy(),
    },
    {
      data: { values: curves.rocBand },
      mark: { type: 'area', color: COLOUR.model, opacity: 0.14 },
      encoding: {
        x: { field: 'fpr', type: 'quantitative' },
        y: { field: 'low', type: 'quantitative' },
        y2: { field: 'high' },
      },
    },
    {
      data: { values: [...others.flatMap((other) => other.points), ...pointsOf(name, curves.roc)] },
      mark: { type: 'line', interpolate: 'linear', strokeWidth: 2 },
      encoding: {
        ...xy(),
        // Points of equal x keep the order of the curve.
        order: { field: 'at', type: 'quantitative' },
        detail: { field: 'name' },
        color,
        strokeDash: { ...color, scale: { domain: names, range: dashes } },
        strokeWidth: {
          condition: { test: { field: 'name', equal: name }, value: 2.6 },
          value: 1.6,
        },
      },
    },
  ];
  if (isDefined(operating)) layer.push(...operatingMark(operating));
  return {
    title: rocTitle(level, aucRoc.value, assessment.positiveLabel),
    subtitle: [
      sampleText(level, assessment),
      'Shaded: 95 % of resampled patients, pointwise. Dotted: a coin.',
    ],
    panels: [{ width: SIDE, height: SIDE, layer }],
  };
}

function rocTitle({ level }: LevelAssessment, auc: number, positiveLabel: string): string {
  return `By ${wordOf(level)}, ${positiveLabel} is ranked above the rest in ${(100 * auc).toFixed(1)} % of all pairs`;
}

function operatingMark({
  chosen,
  sensitivity,
  specificity,
}: Exclude<LevelAssessment['operating'], { readonly notDefined: string }>): readonly Part[] {
  if (!isDefined(sensitivity.wilson) || !isDefined(specificity.wilson)) return [];
  const x = 1 - specificity.wilson.value;
  const y = sensitivity.wilson.value;
  const text = [
    `threshold ${chosen.threshold.toFixed(3)}, chosen on validation`,
    `sensitivity ${y.toFixed(3)}, specificity ${(1 - x).toFixed(3)}`,
  ];
  const low = y < 0.35;
  return [
    {
      data: { values: [{ x, y }] },
      mark: {
        type: 'point',
        filled: true,
        size: 90,
        color: COLOUR.mark,
        stroke: 'white',
        strokeWidth: 1.5,
        opacity: 1,
      },
      encoding: xy(),
    },
    {
      data: { values: [{ x: 0.98, y: low ? 0.98 : 0.02, text: text.join('\n') }] },
      mark: {
        type: 'text',
        align: 'right',
        baseline: low ? 'top' : 'bottom',
        lineBreak: '\n',
        color: COLOUR.mark,
        fontSize: 11,
        lineHeight: 14,
        // The first of the two lines lies at y.
        dy: low ? 0 : -14,
      },
      encoding: { ...xy(), text: { field: 'text' } },
    },
  ];
}

interface Opponent {
  readonly name: string;
  readonly colour: string;
  readonly dash: readonly number[];
  readonly points: readonly Row[];
}

const DASHES = [
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
  [1, 3],
  [10, 4],
] as const;
const SHORTCUT_COLOURS = ['#E69F00', '#009E73', '#6B7280', '#56B4E9', '#B45309'] as const;

/** The strongest shortcuts, as many as can be told apart; the forest plot has all. */
function opponentsOf({ shortcuts, champion, curves }: LevelAssessment): readonly Opponent[] {
  const list: Opponent[] = Object.entries(shortcuts)
    .flatMap(([feature, baseline]) => {
      const points = curves.shortcuts[feature] ?? [];
      if (!isDefined(baseline) || !isDefined(baseline.auc) || points.length === 0) return [];
      const { value } = baseline.auc;
      const interval = intervalOf(baseline.auc);
      return [{ value, name: `${wordOf(feature)} alone, AUC ${withInterval(value, interval)}`, points }];
    })
    .toSorted((a, b) => b.value - a.value)
    .slice(0, SHORTCUT_COLOURS.length)
    .map(({ name, points }, at) => ({
      name,
      colour: SHORTCUT_COLOURS[at] ?? COLOUR.opponent,
      dash: DASHES[at] ?? [2, 2],
      points: pointsOf(name, points),
    }));
  if (champion !== undefined && isDefined(champion) && isDefined(champion.aucRoc)) {
    const { value } = champion.aucRoc;
    const name = `${champion.name}, AUC ${withInterval(value, intervalOf(champion.aucRoc))}`;
    list.push({ name, colour: COLOUR.champion, dash: [5, 2], points: pointsOf(name, curves.champion ?? []) });
  }
  return list;
}

function pointsOf(name: string, points: LevelAssessment['curves']['roc']): readonly Row[] {
  return points.map(({ fpr, tpr }, at) => ({ name, at, x: fpr, y: tpr }));
}

function xy(): Part {
  return {
    x: {
      field: 'x',
      type: 'quantitative',
      scale: { domain: [0, 1] },
      axis: percentAxis('1 − specificity (false alarms among the rest)'),
    },
    y: {
      field: 'y',
      type: 'quantitative',
      scale: { domain: [0, 1] },
      axis: percentAxis('sensitivity (part that is found)'),
    },
  };
}

export function scaled(names: readonly string[], colours: readonly string[], orient: string): Part {
  return {
    field: 'name',
    scale: { domain: names, range: colours },
    legend: { title: null, orient, direction: 'vertical', columns: 1 },
  };
}

/** Undefined without a positive sample. */
export function precisionRecallPlot(assessment: Assessment, level: LevelAssessment): Plot | undefined {
  const { averagePrecision: area, curves } = level;
  if (!isDefined(area) || curves.precisionRecall.length === 0) return undefined;
  const { value, prevalence, bootstrap } = area;
  const interval = isDefined(bootstrap) ? bootstrap : undefined;
  const encoding = {
    x: {
      field: 'x',
      type: 'quantitative',
      scale: { domain: [0, 1] },
      axis: percentAxis('recall, also sensitivity (part that is found)'),
    },
    y: {
      field: 'y',
      type: 'quantitative',
      scale: { domain: [0, 1] },
      axis: percentAxis('precision (part of the alarms that is right)'),
    },
  };
  const first = curves.precisionRecall[0];
  const points = [
    ...(first === undefined ? [] : [{ at: -1, x: 0, y: first.precision }]),
    ...curves.precisionRecall.map(({ recall, precision }, at) => ({ at, x: recall, y: precision })),
  ];
  return {
    title: `Average precision ${withInterval(value, interval)} by ${wordOf(level.level)}`,
    subtitle: [
      sampleText(level, assessment),
      `Dotted: a coin, at the ${(100 * prevalence).toFixed(0)} % of these samples that are ${assessment.positiveLabel}. Elsewhere the share differs, and with it this curve.`,
    ],
    panels: [
      {
        width: SIDE,
        height: SIDE,
        layer: [
          {
            data: {
              values: [
                { x: 0, y: prevalence },
                { x: 1, y: prevalence },
              ],
            },
            mark: { type: 'line', color: COLOUR.quiet, strokeDash: [3, 3] },
            encoding,
          },
          {
            data: { values: points },
            // The steps that the area is counted under.
            mark: { type: 'line', interpolate: 'step-before', color: COLOUR.model, strokeWidth: 2.4 },
            encoding: { ...encoding, order: { field: 'at', type: 'quantitative' } },
          },
        ],
      },
    ],
  };
}
