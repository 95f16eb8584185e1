/** Whether 80 % happens eight times in ten, before and after the temperature. */
import type { Assessment, LevelAssessment } from '../evaluation/assessment.ts';
import type { Calibration } from '../statistics/calibration.ts';
import { isDefined } from '../statistics/samples.ts';
import { scaled } from './curves.ts';
import { COLOUR, sampleText, wordOf, type Part, type Plot, type Row } from './theme.ts';

/** Undefined without samples. */
export function reliabilityPlot(assessment: Assessment, level: LevelAssessment): Plot | undefined {
  const { calibration } = level;
  if (!isDefined(calibration)) return undefined;
  const { before, after, temperature } = calibration;
  const names = [nameOf('as the model says', before)];
  const rows = [...rowsOf(names[0] ?? '', before)];
  if (after !== undefined && temperature !== undefined) {
    const name = nameOf(`at temperature ${temperature.toFixed(2)}`, after);
    names.push(name);
    rows.push(...rowsOf(name, after));
  }
  const color = scaled(names, [COLOUR.model, COLOUR.after], 'bottom');
  const x = {
    field: 'x',
    type: 'quantitative',
    scale: { domain: [0, 1] },
    axis: {
      title: `probability of ${assessment.positiveLabel} that was said`,
      format: '.0%',
      values: TENTHS,
    },
  };
  const y = {
    field: 'y',
    type: 'quantitative',
    scale: { domain: [0, 1] },
    axis: { title: `part that is ${assessment.positiveLabel}`, format: '.0%', values: TENTHS },
  };
  return {
    title: titleOf(level, before, after),
    subtitle: [
      sampleText(level, assessment),
      'A point is a tenth of the samples, with its 95 % interval; on the diagonal, what is said is what happens. ECE and Brier: 0 is best.',
    ],
    panels: [
      {
        width: 400,
        height: 400,
        layer: [
          {
            data: {
              values: [
                { x: 0, y: 0 },
                { x: 1, y: 1 },
              ],
            },
            mark: { type: 'line', color: COLOUR.quiet, strokeDash: [3, 3] },
            encoding: { x, y },
          },
          {
            data: { values: rows },
            mark: { type: 'rule', strokeWidth: 1.4, opacity: 0.55 },
            encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
          },
          {
            data: { values: rows },
            mark: { type: 'line', strokeWidth: 1.6, point: { filled: true, size: 55 } },
            encoding: {
              x,
              y,
              color,
              shape: { ...color, scale: { domain: names, range: ['circle', 'diamond'] } },
            } satisfies Part,
          },
        ],
      },
    ],
  };
}

const TENTHS = [0, 0.2, 0.4, 0.6, 0.8, 1];

function nameOf(what: string, { ece, brier }: Calibration): string {
  return `${what}: ECE ${ece.toFixed(3)}, Brier ${brier.toFixed(3)}`;
}

function titleOf({ level }: LevelAssessment, before: Calibration, after: Calibration | undefined): string {
  const said = `By ${wordOf(level)}, said and happened differ by ${(100 * before.ece).toFixed(1)} points on average`;
  return after === undefined ? said : `${said}, after the temperature by ${(100 * after.ece).toFixed(1)}`;
}

function rowsOf(name: string, { bins }: Calibration): readonly Row[] {
  return bins.map(({ predicted, happened }) => ({
    name,
    x: predicted,
    y: happened.value,
    low: happened.low,
    high: happened.high,
  }));
}
