/** A graph → the same with convolutions of whole numbers. Pure. */
import type { OnnxGraph, OnnxTensor, Operation } from './graph.ts';

/** What the values of a tensor are between; values outside are cut off. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Of what goes into and comes out of convolutions. */
export interface Ranges {
  /** Of the network's input. */
  readonly image: Range;
  /** After the activation, by the convolution's layer. */
  readonly maps: ReadonlyMap<string, Range>;
}

/**
 * Static int8 in the form that onnxruntime fuses: weights and biases are kept as whole numbers behind a
 * `DequantizeLinear`, and around every convolution and pool the maps go through `QuantizeLinear` and
 * `DequantizeLinear`. Whatever reads a map besides, such as a global pool, reads the dequantised one: reading the float
 * one would keep the convolution from being fused. All else stays float, also a convolution without a range: that of
 * the pixel statistics.
 */
export function quantiseGraph(graph: OnnxGraph, ranges: Ranges): OnnxGraph {
  const steps = new Map<string, Quantised>();
  const operations: Operation[] = [];
  const all = explicit(graph);
  const rangeOf = (operation: Operation | undefined): Range | undefined =>
    operation?.op === 'Conv' ? ranges.maps.get(layerOf(operation)) : undefined;
  for (const [at, operation] of all.entries()) {
    const [source = ''] = operation.inputs;
    const before = steps.get(source);
    if (rangeOf(operation) !== undefined) {
      // The image is quantised for the first convolution alone: statistics of it are of what it was.
      const step = before ?? quantised(source, source, affine(ranges.image));
      if (before === undefined) operations.push(...step.operations);
      operations.push(...convolution(operation, step));
      continue;
    }
    operations.push({
      ...operation,
      inputs: operation.inputs.map((name) => steps.get(name)?.result ?? name),
    });
    const step = stepAfter(operation, operation.op === 'Relu' ? rangeOf(all[at - 1]) : undefined, before);
    if (step === undefined) continue;
    steps.set(operation.name, step);
    operations.push(...step.operations);
  }
  return { ...graph, operations };
}

function stepAfter(
  { op, name }: Operation,
  range: Range | undefined,
  before: Quantised | undefined,
): Quantised | undefined {
  if (range !== undefined) return quantised(name, name, affine(range));
  if (op !== 'MaxPool' || before === undefined) return undefined;
  // The largest of some whole numbers is one of them: the scale goes on.
  return quantised(name, before.constants, before.scaling);
}

/** Each operation's inputs by their name. */
function explicit({ operations, input }: OnnxGraph): (Operation & { readonly inputs: readonly string[] })[] {
  return operations.map((operation, at) => ({
    ...operation,
    inputs: operation.inputs ?? [operations[at - 1]?.name ?? input.name],
  }));
}

function layerOf({ name }: Operation): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/** A whole number q from 0 to 255 stands for `(q - zeroPoint) * scale`. */
interface Scaling {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** 0 is a whole number of it: the padding of a convolution has to be exactly that. */
function affine({ min, max }: Range): Scaling {
  const [low, high] = [Math.min(0, min), Math.max(0, max)];
  const scale = Math.fround((high - low) / UINT8_MAX);
  if (!(scale > 0)) return { scale: 1, zeroPoint: 0 };
  return { scale, zeroPoint: Math.round(-low / scale) };
}

const UINT8_MAX = 255;

/** A map as whole numbers and back. */
interface Quantised {
  readonly operations: readonly Operation[];
  /** Name of the dequantised map. */
  readonly result: string;
  readonly scaling: Scaling;
  /** Name under which its scale is kept. */
  readonly constants: string;
}

function quantised(source: string, constants: string, scaling: Scaling): Quantised {
  const parameters: readonly OnnxTensor[] = [
    { name: `${constants}/scale`, dims: [], values: Float32Array.of(scaling.scale) },
    { name: `${constants}/zero_point`, dims: [], values: Uint8Array.of(scaling.zeroPoint) },
  ];
  const [whole, result] = [`${source}/quantised`, `${source}/dequantised`];
  return {
    operations: [
      { op: 'QuantizeLinear', name: whole, inputs: [source], constants: parameters },
      { op: 'DequantizeLinear', name: result, inputs: [whole], constants: parameters },
    ],
    result,
    scaling,
    constants,
  };
}

function convolution(operation: Operation, { result, scaling }: Quantised): Operation[] {
  const [kernel, bias] = operation.constants ?? [];
  if (kernel === undefined || bias === undefined) throw new RangeError(`${operation.name} has no weights`);
  const [outputs = 0] = kernel.dims;
  const weights = Float32Array.from(kernel.values, Number);
  const biases = Float32Array.from(bias.values, Number);
  const length = weights.length / outputs;
  const scales = biases.map((value, channel) =>
    weightScale(weights.subarray(channel * length, (channel + 1) * length), value, scaling.scale),
  );
  const whole = Int8Array.from(weights, (value, at) => Math.round(value / at0(scales, at / length)));
  const wholeBiases = Int32Array.from(biases, (value, channel) =>
    Math.round(value / (scaling.scale * at0(scales, channel))),
  );
  const biasScales = scales.map((scale) => scale * scaling.scale);
  return [
    dequantised({ ...kernel, values: whole }, scales, true),
    dequantised({ ...bias, values: wholeBiases }, biasScales, false),
    {
      ...operation,
      inputs: [result, `${kernel.name}/dequantised`, `${bias.name}/dequantised`],
      constants: [],
    },
  ];
}

/** Of one output channel; such that the bias, whose scale hangs on it, fits into 32 bits beside the sum. */
function weightScale(weights: Float32Array, bias: number, inputScale: number): number {
  const largest = weights.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const scale = Math.max(largest / WEIGHT_MAX, Math.abs(bias) / (inputScale * BIAS_MAX));
  return scale > 0 ? scale : 1;
}

/**
 * Seven bits and not eight: without VNNI, x86 adds two products of uint8 and int8 in 16 bits and cuts off what does not
 * fit (onnxruntime's guide to quantisation, "reduce_range"). 2 * 255 * 63 fits, so all processors give one answer.
 */
const WEIGHT_MAX = 63;
const BIAS_MAX = 2 ** 30;

/** One scale per output channel; the zero point is 0, said where the operator wants to hear it. */
function dequantised(tensor: OnnxTensor, scales: Float32Array, hasZeroPoint: boolean): Operation {
  const { name, values } = tensor;
  const dims = [scales.length];
  const zeroPoint = { name: `${name}/zero_point`, dims, values: new Int8Array(scales.length) };
  return {
    op: 'DequantizeLinear',
    name: `${name}/dequantised`,
    inputs: [],
    constants: [
      { name, dims: tensor.dims, values },
      { name: `${name}/scale`, dims, values: scales },
      ...(hasZeroPoint ? [zeroPoint] : []),
    ],
    attributes: { axis: 0 },
  };
}

function at0(values: Float32Array, at: number): number {
  return values[Math.floor(at)] ?? Number.NaN;
}
