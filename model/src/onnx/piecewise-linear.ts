import type { FloatTensor, OnnxTensor, Operation } from './graph.ts';

/**
 * Each feature through its own function, straight between its points and flat outside of them: the level of the first
 * point, plus for each distance between two points that part of its rise which lies below the feature.
 *
 * @param knots `[width, points]`, rising; repeated at the end where a feature has fewer points
 * @param levels `[width, points]`
 */
export function piecewiseLinear(
  name: string,
  inputs: readonly string[],
  knots: FloatTensor,
  levels: FloatTensor,
): Operation[] {
  const [width = 0, points = 0] = knots.dims;
  const gaps = points - 1;
  const table = (label: string, valueAt: (at: number) => number): OnnxTensor => {
    const values = Array.from({ length: width * gaps }, (_, index) =>
      valueAt(Math.floor(index / gaps) * points + (index % gaps)),
    );
    return { name: `${name}/${label}`, dims: [width, gaps], values: Float32Array.from(values) };
  };
  const starts = table('starts', (at) => knots.values[at] ?? 0);
  const perUnit = table('per_unit', (at) => 1 / (stepAfter(knots.values, at) || 1)); // where knots repeat, levels do too
  const rises = table('rises', (at) => stepAfter(levels.values, at));
  const first = Float32Array.from({ length: width }, (_, feature) => levels.values[feature * points] ?? 0);
  const lastAxis: OnnxTensor = { name: `${name}/last_axis`, dims: [1], values: BigInt64Array.of(2n) };
  return [
    { op: 'Unsqueeze', name: `${name}/feature`, inputs, constants: [lastAxis] },
    { op: 'Sub', name: `${name}/beyond`, constants: [starts] },
    { op: 'Mul', name: `${name}/share`, constants: [perUnit] },
    { op: 'Clip', name: `${name}/within`, constants: [scalar(`${name}/none`, 0), scalar(`${name}/all`, 1)] },
    { op: 'Mul', name: `${name}/risen`, constants: [rises] },
    { op: 'ReduceSum', name: `${name}/sum`, constants: [lastAxis], attributes: { keepdims: 0 } },
    { op: 'Add', name, constants: [{ name: `${name}/first`, dims: [width], values: first }] },
  ];
}

function stepAfter(values: Float32Array, at: number): number {
  return (values[at + 1] ?? 0) - (values[at] ?? 0);
}

function scalar(name: string, value: number): OnnxTensor {
  return { name, dims: [], values: Float32Array.of(value) };
}
