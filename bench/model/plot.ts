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
    images: name.split(',')[0],
    network: name.slice(name.indexOf(',') + 2),
    size: inputSize,
    ms: cpuSeconds * 1000,
    auc,
    low: interval.low,
    high: interval.high,
  }));
  const milliseconds = values.map(({ ms }) => ms);
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 16,
    title: {
      text: 'Larger inputs cost more CPU and hardly more AUC-ROC',
      subtitle: ['Labels: edge of the input in pixels; bars: 95 %.', 'Research use only, not for diagnosis.'],
      anchor: 'start',
      offset: 12,
    },
    config: { view: { stroke: null }, axis: { gridColor: '#E5E7EB' } },
    data: { values },
    spacing: 24,
    vconcat: [...new Set(values.map(({ images }) => images))].map((images) => ({
      title: { text: images, anchor: 'start', fontSize: 12 },
      transform: [{ filter: { field: 'images', equal: images } }],
      width: 560,
      height: 180,
      encoding: {
        x: {
          field: 'ms',
          type: 'quantitative',
          title: 'CPU time of an image, milliseconds',
          // The names of the networks stand at the right.
          scale: {
            type: 'log',
            nice: false,
            domain: [Math.min(...milliseconds) * 0.85, Math.max(...milliseconds) * 3],
          },
          axis: { values: [10, 20, 50, 100, 200] },
        },
        color: {
          field: 'name',
          type: 'nominal',
          scale: { domain: names, range: COLOURS },
          legend: null,
        },
      },
      layer: [...pointLayers(), ...names.map((name, at) => sizeLabels(name, at)), networkNames()],
    })),
  } as unknown as TopLevelSpec;
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' });
  return `${await view.toSVG()}\n`;
}

const AUC = { field: 'auc', type: 'quantitative' } as const;

function pointLayers(): readonly object[] {
  return [
    {
      mark: { type: 'rule', opacity: 0.4, strokeWidth: 2 },
      encoding: {
        y: {
          ...AUC,
          field: 'low',
          title: 'AUC-ROC of images',
          scale: { zero: false, nice: false, padding: 12 },
        },
        y2: { field: 'high' },
      },
    },
    { mark: { type: 'line', point: { filled: true, size: 60 } }, encoding: { y: AUC } },
  ];
}

/** Above and below in turn, as two networks of a panel cross. */
function sizeLabels(name: string, at: number): object {
  const below = at % 2 === 1;
  return {
    transform: [{ filter: { field: 'name', equal: name } }],
    mark: { type: 'text', dx: 5, dy: below ? 13 : -10, align: 'left', fontSize: 11 },
    encoding: { y: AUC, text: { field: 'size' } },
  };
}

function networkNames(): object {
  return {
    transform: [{ filter: { field: 'size', equal: 224 } }],
    mark: { type: 'text', dx: 10, align: 'left', baseline: 'middle', fontSize: 11, fontWeight: 'bold' },
    encoding: { y: AUC, text: { field: 'network' } },
  };
}
