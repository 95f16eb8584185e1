/** AUC-ROC against CPU time, a panel for nodules and one for whole slices. */
import { compile, type TopLevelSpec } from 'vega-lite';
import * as vega from 'vega';
import type { Row } from './measure.ts';

/** Okabe and Ito's colours, as in the plots of a training run. */
const COLOURS = ['#0072B2', '#D55E00', '#009E73'] as const;

export async function sizesSvg(rows: readonly Row[]): Promise<string> {
  const names = [...new Set(rows.map(({ name }) => name))];
  const values = rows.map(({ name, inputSize, cpuSeconds, auc, interval }) => ({
    name,
    size: inputSize,
    ms: cpuSeconds * 1000,
    auc,
    low: interval.low,
    high: interval.high,
  }));
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 16,
    title: {
      text: 'Larger inputs cost more CPU and hardly more AUC-ROC',
      subtitle: ['Labels: edge of the input in pixels; bars: 95 %. Research use only, not for diagnosis.'],
      anchor: 'start',
      offset: 12,
    },
    config: { view: { stroke: null }, axis: { gridColor: '#E5E7EB' } },
    data: { values },
    width: 520,
    height: 320,
    encoding: {
      x: {
        field: 'ms',
        type: 'quantitative',
        title: 'CPU time of an image, milliseconds',
        scale: { type: 'log', padding: 30 },
      },
      color: {
        field: 'name',
        type: 'nominal',
        scale: { domain: names, range: COLOURS },
        legend: { title: null, orient: 'bottom', direction: 'vertical', labelLimit: 420 },
      },
    },
    layer: [
      {
        mark: { type: 'rule', opacity: 0.4, strokeWidth: 2 },
        encoding: {
          y: {
            field: 'low',
            type: 'quantitative',
            title: 'AUC-ROC of images',
            scale: { zero: false, nice: true },
          },
          y2: { field: 'high' },
        },
      },
      {
        mark: { type: 'line', point: { filled: true, size: 60 } },
        encoding: { y: { field: 'auc', type: 'quantitative' } },
      },
      {
        mark: { type: 'text', dx: 6, dy: -10, align: 'left', fontSize: 11 },
        encoding: { y: { field: 'auc', type: 'quantitative' }, text: { field: 'size' } },
      },
    ],
  } as unknown as TopLevelSpec;
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' });
  return `${await view.toSVG()}\n`;
}
