/** Pooled vectors of an int8 network, brought back to where those of the float32 network are. Pure. */
import type { OnnxGraph, Operation } from './graph.ts';

/** `factor * x + offset` for each channel of a pooled vector. */
export interface Correction {
  readonly factors: Float32Array;
  readonly offsets: Float32Array;
}

/**
 * The line that leads from what the int8 network pools to what the float32 network pools with the least squared error,
 * channel by channel. Rounded weights shift the mean of a channel, which a normaliser that knows a hundred steps within
 * a narrow range takes for something else.
 *
 * @param int8 `n * width` values, vectors one after the other
 * @param fp32 of the same images
 */
export function fitCorrection(int8: Float32Array, fp32: Float32Array, width: number): Correction {
  const lines = Array.from({ length: width }, (_, channel) => {
    const own = (values: Float32Array): Float32Array => values.filter((__, at) => at % width === channel);
    return fitLine(own(int8), own(fp32));
  });
  return {
    factors: Float32Array.from(lines, ({ factor }) => factor),
    offsets: Float32Array.from(lines, ({ offset }) => offset),
  };
}

function fitLine(x: Float32Array, y: Float32Array): { readonly factor: number; readonly offset: number } {
  const [meanX, meanY] = [mean(x), mean(y)];
  const variance = mean(x.map((value) => (value - meanX) ** 2));
  const covariance = mean(x.map((value, at) => (value - meanX) * ((y[at] ?? Number.NaN) - meanY)));
  const factor = variance > 0 ? Math.min(MOST, Math.max(0, covariance / variance)) : 1;
  return { factor, offset: meanY - factor * meanX };
}

/** Of a channel that is silent but for rounding. */
const MOST = 2;

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** Puts each correction behind the pooling layer of its name. */
export function correctGraph(graph: OnnxGraph, corrections: ReadonlyMap<string, Correction>): OnnxGraph {
  const results = new Map([...corrections.keys()].map((layer) => [resultOf(graph, layer), layer]));
  const operations: Operation[] = [];
  for (const operation of graph.operations) {
    operations.push({
      ...operation,
      ...(operation.inputs !== undefined && {
        inputs: operation.inputs.map((name) => (results.has(name) ? `${name}/corrected` : name)),
      }),
    });
    const layer = results.get(operation.name) ?? '';
    const correction = corrections.get(layer);
    if (correction !== undefined) operations.push(...line(operation.name, layer, correction));
  }
  return { ...graph, operations };
}

/** The constant that holds a pooling layer's factors. */
export function correctionFactors(layer: string): string {
  return `${layer}/correction_factors`;
}

/** A graph of what these layers pool: `probabilities` are their vectors beside each other. */
export function poolingGraph(graph: OnnxGraph, layers: readonly string[]): OnnxGraph {
  const inputs = layers.map((layer) => resultOf(graph, layer));
  const last = Math.max(...inputs.map((name) => graph.operations.findIndex((found) => found.name === name)));
  const beside: Operation = { op: 'Concat', name: 'pooled_beside', inputs, attributes: { axis: 1 } };
  return {
    ...graph,
    output: { name: graph.output.name, dims: ['vectors', 'values'] },
    operations: [...graph.operations.slice(0, last + 1), beside],
  };
}

/** The last of a layer's operations gives its result. */
function resultOf({ operations }: OnnxGraph, layer: string): string {
  const own = operations.findLast(({ name }) => name === layer || name.startsWith(`${layer}/`));
  if (own === undefined) throw new RangeError(`the graph has no layer ${layer}`);
  return own.name;
}

function line(source: string, layer: string, { factors, offsets }: Correction): Operation[] {
  const dims = [factors.length];
  return [
    {
      op: 'Mul',
      name: `${source}/scaled`,
      inputs: [source],
      constants: [{ name: correctionFactors(layer), dims, values: factors }],
    },
    {
      op: 'Add',
      name: `${source}/corrected`,
      inputs: [`${source}/scaled`],
      constants: [{ name: `${layer}/correction_offsets`, dims, values: offsets }],
    },
  ];
}
