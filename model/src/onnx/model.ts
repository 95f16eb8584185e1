import type * as tfjs from '@tensorflow/tfjs-node';
import { z } from 'zod';
import type { Tf } from '../engine.ts';
import { PackageError } from '../errors.ts';
import { onnxFile, type FloatTensor, type OnnxGraph, type Operation } from './graph.ts';
import { piecewiseLinear } from './piecewise-linear.ts';
import { pixelStatisticsOperations } from './pixel-statistics.ts';
import { meanOverViews, mirroredViews } from './views.ts';

/**
 * The joined classifier as an ONNX file: input `image`, float32 `[N, s, s, 3]`, already preprocessed; output
 * `probabilities`, float32 `[N, classes]`.
 *
 * Written by hand: the converters are Python's, and a graph of these few kinds of layer does not need them.
 *
 * @throws PackageError LAYER_UNSUPPORTED for a layer or a setting outside those kinds
 */
export function onnxModel(tf: Tf, model: tfjs.LayersModel, labels: GraphLabels): Uint8Array {
  return onnxFile(onnxGraph(tf, model, labels));
}

/** What a file says of itself. */
export type GraphLabels = Pick<OnnxGraph, 'doc' | 'producerVersion'>;

/** As `onnxModel`, not yet in bytes. */
export function onnxGraph(tf: Tf, model: tfjs.LayersModel, labels: GraphLabels): OnnxGraph {
  return {
    ...labels,
    name: model.name,
    input: { name: 'image', dims: ['N', ...sizesOf(model.inputs)] },
    output: { name: 'probabilities', dims: ['N', ...sizesOf(model.outputs)] },
    operations: operationsOf(tf, model),
  };
}

/** The operations of all layers, each layer's after those whose results it takes. */
function operationsOf(tf: Tf, model: tfjs.LayersModel): Operation[] {
  const operations: Operation[] = [];
  const results = new Map<tfjs.layers.Layer, string>();
  const resultOf = ({ sourceLayer: layer, inputs }: tfjs.SymbolicTensor): string => {
    const known = results.get(layer);
    if (known !== undefined) return known;
    operations.push(
      ...layerOperations(
        tf,
        layer,
        inputs.map((source) => resultOf(source)),
      ),
    );
    const result = operations.at(-1)?.name ?? '';
    results.set(layer, result);
    return result;
  };
  for (const output of model.outputs) resultOf(output);
  return operations;
}

/** The last of them gives the layer's result. */
function layerOperations(tf: Tf, layer: tfjs.layers.Layer, inputs: readonly string[]): Operation[] {
  const { name } = layer;
  switch (layer.getClassName()) {
    case 'InputLayer':
      // Keras and tfjs keep channels last, ONNX first.
      return [{ op: 'Transpose', name: 'to_nchw', inputs: ['image'], attributes: { perm: [0, 3, 1, 2] } }];
    case 'Conv2D':
      return convolution(tf, layer, inputs);
    case 'MaxPooling2D': {
      const { poolSize, strides } = settings(layer, poolSchema);
      return [{ op: 'MaxPool', name, inputs, attributes: { kernel_shape: poolSize, strides } }];
    }
    case 'GlobalAveragePooling2D':
      return globalPool('GlobalAveragePool', layer, inputs);
    case 'GlobalMaxPooling2D':
      return globalPool('GlobalMaxPool', layer, inputs);
    case 'Concatenate':
      settings(layer, concatenateSchema);
      return [{ op: 'Concat', name, inputs, attributes: { axis: 1 } }];
    case 'Dense': {
      const { activation } = settings(layer, denseSchema);
      const [kernel, bias] = constants(layer);
      return [
        { op: 'Gemm', name: `${name}/gemm`, inputs, constants: [kernel, bias] },
        ...activationOf(name, activation),
      ];
    }
    case 'Activation': {
      const { activation } = settings(layer, activationLayerSchema);
      return activationOf(name, activation, inputs);
    }
    case 'MeanOfMap':
      return [
        { op: 'ReduceMean', name: `${name}/columns`, inputs, attributes: { axes: [3], keepdims: 0 } },
        { op: 'ReduceMean', name, attributes: { axes: [2], keepdims: 0 } },
      ];
    case 'PixelStatistics':
      return [...pixelStatisticsOperations(name, inputs, sideOf(layer, layer.input))];
    case 'MirroredViews':
      return mirroredViews(name, inputs, sideOf(layer, layer.output));
    case 'MeanOverViews':
      return meanOverViews(name, inputs, widthOf(layer));
    case 'PiecewiseLinear':
      return piecewiseLinear(name, inputs, ...constants(layer, ['knots', 'levels']));
    default:
      throw unsupported(layer, `is a ${layer.getClassName()}`);
  }
}

function globalPool(op: string, layer: tfjs.layers.Layer, inputs: readonly string[]): Operation[] {
  settings(layer, globalPoolSchema);
  return [
    { op, name: layer.name, inputs },
    { op: 'Flatten', name: `${layer.name}/flatten` },
  ];
}

function convolution(tf: Tf, layer: tfjs.layers.Layer, inputs: readonly string[]): Operation[] {
  const { name } = layer;
  const { kernelSize, activation } = settings(layer, convSchema);
  const [hwio, bias] = constants(layer);
  const [height = 0, width = 0, channels = 0, outputs = 0] = hwio.dims;
  const oihw = tf.tidy(() =>
    tf.tensor4d(hwio.values, [height, width, channels, outputs]).transpose([3, 2, 0, 1]),
  );
  // Outside of tidy, which would look for tensors in the result, one number after the other.
  const values = oihw.dataSync<'float32'>();
  oihw.dispose();
  const kernel = { name: hwio.name, dims: [outputs, channels, height, width], values };
  const pads = [...kernelSize, ...kernelSize].map((size) => (size - 1) / 2);
  const attributes = { kernel_shape: kernelSize, pads, strides: [1, 1] };
  return [
    { op: 'Conv', name: `${name}/conv`, inputs, attributes, constants: [kernel, bias] },
    ...activationOf(name, activation),
  ];
}

/** Of the operation before, or of `inputs`. */
function activationOf(
  layer: string,
  activation: z.infer<typeof activationSchema>,
  inputs?: readonly string[],
): Operation[] {
  const of = inputs === undefined ? {} : { inputs };
  if (activation === 'relu') return [{ op: 'Relu', name: `${layer}/relu`, ...of }];
  if (activation === 'softmax') {
    return [{ op: 'Softmax', name: `${layer}/softmax`, ...of, attributes: { axis: 1 } }];
  }
  return [];
}

/** The layer's two weights as they are kept in it. */
function constants(
  layer: tfjs.layers.Layer,
  names: readonly [string, string] = ['kernel', 'bias'],
): [FloatTensor, FloatTensor] {
  const [first, second] = layer.getWeights();
  if (first === undefined || second === undefined) throw unsupported(layer, `has no ${names.join(' and ')}`);
  const constant = (name: string, tensor: tfjs.Tensor): FloatTensor => ({
    name: `${layer.name}/${name}`,
    dims: tensor.shape,
    values: tensor.dataSync<'float32'>(),
  });
  return [constant(names[0], first), constant(names[1], second)];
}

const activationSchema = z.enum(['linear', 'relu', 'softmax']);
const activationLayerSchema = z.object({ activation: activationSchema.exclude(['linear']) });
const denseSchema = z.object({ activation: activationSchema, useBias: z.literal(true) });
const convSchema = z.object({
  activation: activationSchema,
  useBias: z.literal(true),
  // "Same" padding is symmetric for odd kernels at stride 1 only.
  kernelSize: z.array(z.int().refine((size) => size % 2 === 1)).length(2),
  padding: z.literal('same'),
  strides: z.tuple([z.literal(1), z.literal(1)]),
  dilationRate: z.tuple([z.literal(1), z.literal(1)]),
  dataFormat: z.literal('channelsLast'),
});
const globalPoolSchema = z.object({ dataFormat: z.literal('channelsLast') });
// Of vectors, for which the last axis is the second.
const concatenateSchema = z.object({ axis: z.union([z.literal(-1), z.literal(1)]) });
const poolSchema = z.object({
  poolSize: z.array(z.int()).length(2),
  strides: z.array(z.int()).length(2),
  padding: z.literal('valid'),
  dataFormat: z.literal('channelsLast'),
});

function settings<Settings>(layer: tfjs.layers.Layer, schema: z.ZodType<Settings>): Settings {
  const parsed = schema.safeParse(layer.getConfig());
  if (parsed.success) return parsed.data;
  throw unsupported(layer, `has settings that are not written: ${z.prettifyError(parsed.error)}`);
}

function unsupported(layer: tfjs.layers.Layer, why: string): PackageError {
  return new PackageError('LAYER_UNSUPPORTED', `layer ${layer.name} ${why}; it has no ONNX form here`);
}

/** Of square images `[n, side, side, channels]` that go into or come out of the layer. */
function sideOf(layer: tfjs.layers.Layer, end: tfjs.SymbolicTensor | tfjs.SymbolicTensor[]): number {
  const shape = Array.isArray(end) ? [] : end.shape;
  if (shape.length === 4 && shape[1] === shape[2]) return shape[1] ?? 0;
  throw unsupported(layer, `has ${JSON.stringify(shape)}, no square images`);
}

/** Of vectors `[n, width]`. */
function widthOf(layer: tfjs.layers.Layer): number {
  return (layer.outputShape as tfjs.Shape).at(-1) ?? 0;
}

function sizesOf(ends: readonly tfjs.SymbolicTensor[]): number[] {
  return (ends[0]?.shape.slice(1) ?? []).map((size) => size ?? 0);
}
