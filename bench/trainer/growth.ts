/** Time to the evaluated model against the number of images, as a picture. */
import { compile, type TopLevelSpec } from 'vega-lite';
import * as vega from 'vega';
import { medianOf } from './median.ts';
import type { TrainingRow } from './training.ts';

export async function growthSvg(rows: readonly TrainingRow[]): Promise<string> {
  const values = rows.flatMap(({ images, ours, keras }) => [
    { side: 'Hilum', images, seconds: medianOf(ours.map(({ seconds }) => seconds)) },
    { side: 'Keras', images, seconds: medianOf(keras.map(({ seconds }) => seconds)) },
  ]);
  const counts = rows.map(({ images }) => images);
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    width: 420,
    height: 280,
    title: {
      text: 'Time to the evaluated model',
      subtitle: '20 epochs, head on frozen VGG16, 64 × 64; both axes logarithmic',
    },
    config: { view: { stroke: null } },
    data: { values },
    encoding: {
      x: {
        field: 'images',
        type: 'quantitative',
        title: 'images',
        scale: { type: 'log', nice: false, padding: 48 },
        axis: { values: counts, grid: false },
      },
      y: {
        field: 'seconds',
        type: 'quantitative',
        title: 'seconds',
        scale: { type: 'log', nice: false, padding: 32 },
        axis: { values: [2, 5, 10, 20, 50, 100, 200, 500] },
      },
      color: {
        field: 'side',
        type: 'nominal',
        legend: null,
        scale: { domain: ['Hilum', 'Keras'], range: ['#1f6feb', '#8c6d1f'] },
      },
    },
    layer: [
      { mark: { type: 'line', point: { filled: true, size: 60 } } },
      {
        mark: { type: 'text', dy: -12, fontSize: 11 },
        encoding: { text: { field: 'seconds', format: '.3~s' } },
      },
      {
        transform: [{ filter: { field: 'images', equal: Math.max(...counts) } }],
        mark: { type: 'text', align: 'left', dx: 8, dy: 12, fontWeight: 'bold' },
        encoding: { text: { field: 'side' } },
      },
    ],
  };
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' });
  return view.toSVG();
}

/** How time grows with data: the slope in the picture; 1 is in proportion, below 1 less. */
export function slopeOf(rows: readonly TrainingRow[], side: 'ours' | 'keras'): number {
  const points = rows.map(
    (row) => [Math.log(row.images), Math.log(medianOf(row[side].map((one) => one.seconds)))] as const,
  );
  const [meanX, meanY] = [0, 1].map(
    (axis) => points.reduce((sum, point) => sum + (point[axis] ?? 0), 0) / points.length,
  );
  const over = points.reduce((sum, [x, y]) => sum + (x - (meanX ?? 0)) * (y - (meanY ?? 0)), 0);
  return over / points.reduce((sum, [x]) => sum + (x - (meanX ?? 0)) ** 2, 0);
}
