import { VIEWS } from '../layers/views.ts';
import type { OnnxTensor, Operation } from './graph.ts';

/** Square images, channels first, and their mirrored ones: the order does not matter, since their mean is taken. */
export function mirroredViews(name: string, inputs: readonly string[], side: number): Operation[] {
  const [images = ''] = inputs;
  const mirrored = [
    mirror(images, `${name}/rows`, [2], side),
    mirror(images, `${name}/columns`, [3], side),
    mirror(images, `${name}/both`, [2, 3], side),
  ];
  const all = [images, ...mirrored.map((view) => view.name)];
  return [...mirrored, { op: 'Concat', name, inputs: all, attributes: { axis: 0 } }];
}

function mirror(images: string, name: string, axes: readonly number[], side: number): Operation {
  const each = (label: string, value: number): OnnxTensor =>
    integers(
      `${name}/${label}`,
      axes.map(() => value),
    );
  return {
    op: 'Slice',
    name,
    inputs: [images],
    // Ends before the first: -1 would be the last.
    constants: [
      each('starts', side - 1),
      each('ends', -side - 1),
      integers(`${name}/axes`, axes),
      each('steps', -1),
    ],
  };
}

/** `[4N, width]` → `[N, width]`. */
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
