import { VIEWS } from '../layers/views.ts';
import type { OnnxTensor, Operation } from './graph.ts';

/** The eight views of square images, channels first: the order does not matter, since their mean is taken. */
export function dihedralViews(name: string, inputs: readonly string[], side: number): Operation[] {
  const [images = ''] = inputs;
  const turned = `${name}/turned`;
  const mirror = (of: string, label: string, axes: readonly number[]): Operation => ({
    op: 'Slice',
    name: `${name}/${label}`,
    inputs: [of],
    constants: [
      integers(
        `${name}/starts_${axes.length}`,
        axes.map(() => side - 1),
      ),
      integers(
        `${name}/ends_${axes.length}`,
        axes.map(() => -side - 1), // before the first: -1 would be the last
      ),
      integers(`${name}/axes_${axes.join('_')}`, axes),
      integers(
        `${name}/steps_${axes.length}`,
        axes.map(() => -1),
      ),
    ],
  });
  const mirrored = [
    mirror(images, 'rows', [2]),
    mirror(images, 'columns', [3]),
    mirror(images, 'both', [2, 3]),
    mirror(turned, 'turned_rows', [2]),
    mirror(turned, 'turned_columns', [3]),
    mirror(turned, 'turned_both', [2, 3]),
  ];
  return [
    { op: 'Transpose', name: turned, inputs: [images], attributes: { perm: [0, 1, 3, 2] } },
    ...mirrored,
    {
      op: 'Concat',
      name,
      inputs: [images, turned, ...mirrored.map((view) => view.name)],
      attributes: { axis: 0 },
    },
  ];
}

/** `[8N, width]` → `[N, width]`. */
export function meanOverViews(name: string, inputs: readonly string[], width: number): Operation[] {
  return [
    {
      op: 'Reshape',
      name: `${name}/views`,
      inputs,
      constants: [integers(`${name}/shape`, [VIEWS, -1, width])],
    },
    { op: 'ReduceMean', name, attributes: { axes: [0], keepdims: 0 } },
  ];
}

function integers(name: string, values: readonly number[]): OnnxTensor {
  return { name, dims: [values.length], values: BigInt64Array.from(values, BigInt) };
}
