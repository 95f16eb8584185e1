import type { Canvas, Field } from '../pixels/field.ts';
import { pixelStatistics } from '../pixels/statistics.ts';
import { FLOAT } from './fields.ts';
import type { OnnxTensor, Operation } from './graph.ts';

/** The statistics of images `[N, 3, side, side]`, with the means subtracted: `[N, 32]`. */
export function pixelStatisticsOperations(
  name: string,
  inputs: readonly string[],
  side: number,
): readonly Operation[] {
  const [images = ''] = inputs;
  const graph = new Graph(name);
  const statistics = pixelStatistics(graphCanvas(graph, images, side));
  const all = graph.add('Concat', statistics.map(resultOf), { attributes: { axis: CHANNELS } });
  return [...graph.operations, { op: 'Flatten', name, inputs: [all] }];
}

/** A field that a graph will compute, channels first: `[N, channels, side, side]`; 1 where there is one number for all. */
interface GraphField extends Field {
  readonly result: string;
}

function graphCanvas(graph: Graph, images: string, side: number): Canvas {
  const line = Array.from({ length: side }, (_, at) => at);
  const constant = (label: string, dims: readonly number[], values: readonly number[]): GraphField =>
    graphField(graph, graph.add('Identity', [], { constants: [graph.floats(label, dims, values)] }));
  return {
    side,
    image: graphField(graph, images),
    rows: constant('rows', [1, 1, side, 1], line),
    columns: constant('columns', [1, 1, 1, side], line),
    channels: (values) => constant(`channels_${values.join('_')}`, [1, values.length, 1, 1], values),
  };
}

function graphField(graph: Graph, result: string): GraphField {
  const made = (op: string, attributes: Operation['attributes'], ...constants: OnnxTensor[]): GraphField =>
    graphField(graph, graph.add(op, [result], { constants, ...(attributes && { attributes }) }));
  const plain = (op: string) => (): GraphField => made(op, undefined);
  const binary = (op: string) => (other: Field | number) =>
    typeof other === 'number'
      ? made(op, undefined, graph.floats(`${other}`, [], [other]))
      : graphField(graph, graph.add(op, [result, resultOf(other)]));
  const greater = binary('Greater');
  const sliced = (axis: number, start: number, end: number): GraphField =>
    made('Slice', undefined, ...[start, end, axis].map((value) => graph.integers([value])));
  return {
    result,
    plus: binary('Add'),
    minus: binary('Sub'),
    times: binary('Mul'),
    over: binary('Div'),
    atLeast: binary('Max'),
    above: (limit) =>
      graphField(graph, graph.add('Cast', [greater(limit).result], { attributes: { to: FLOAT } })),
    absolute: plain('Abs'),
    root: plain('Sqrt'),
    // By rows first: sums of a few numbers at a time are rounded less than one of thousands.
    sum: () => summed(graph, summed(graph, graphField(graph, result), AXES.columns), AXES.rows),
    largest: () => made('ReduceMax', { axes: SPACE, keepdims: 1 }),
    sumOfChannels: () => summed(graph, graphField(graph, result), CHANNELS),
    dilated: (window) => made('MaxPool', { ...windowed(window), strides: [1, 1] }),
    filtered: ({ window, weights }) =>
      made(
        'Conv',
        { ...windowed(window), strides: [1, 1] },
        graph.floats(`kernel_${window.join('_')}_${weights[0]}`, [1, 1, ...window], weights),
      ),
    without: (axis, first, last) => sliced(AXES[axis], first, last === 0 ? END : -last),
    channel: (at) => sliced(CHANNELS, at, at + 1),
  };
}

function summed(graph: Graph, field: GraphField, axis: number): GraphField {
  const rest = { attributes: { keepdims: 1 }, constants: [graph.integers([axis])] };
  return graphField(graph, graph.add('ReduceSum', [field.result], rest));
}

function resultOf(field: Field): string {
  if ('result' in field) return (field as GraphField).result;
  throw new TypeError('a field of another engine');
}

/** As large after as before, since windows are odd; what a pool adds outside is never the largest, what Conv adds is 0. */
function windowed(window: readonly [number, number]) {
  return { kernel_shape: window, pads: [...window, ...window].map((size) => (size - 1) / 2) };
}

/** Collects operations, each named by the layer, its place and what it does. */
class Graph {
  readonly operations: Operation[] = [];
  private readonly layer: string;

  constructor(layer: string) {
    this.layer = layer;
  }

  /** @returns the name of its result */
  add(op: string, inputs: readonly string[], rest: Pick<Operation, 'attributes' | 'constants'> = {}): string {
    const name = `${this.layer}/${this.operations.length}_${op}`;
    this.operations.push({ op, name, inputs, ...rest });
    return name;
  }

  /** Equal labels are for equal values. */
  floats(label: string, dims: readonly number[], values: readonly number[]): OnnxTensor {
    return { name: `${this.layer}/${label}`, dims, values: Float32Array.from(values) };
  }

  integers(values: readonly number[]): OnnxTensor {
    const label = `integers_${values.join('_')}`;
    return {
      name: `${this.layer}/${label}`,
      dims: [values.length],
      values: BigInt64Array.from(values, BigInt),
    };
  }
}

const CHANNELS = 1;
const AXES = { rows: 2, columns: 3 } as const;
const SPACE = [AXES.rows, AXES.columns];
/** Slice takes what is beyond the last for the last. */
const END = 2 ** 31 - 1;
