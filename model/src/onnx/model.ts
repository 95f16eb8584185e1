import type * as tfjs from '@tensorflow/tfjs-node';
import { z } from 'zod';
import type { Tf } from '../engine.ts';
import { PackageError } from '../errors.ts';
import { onnxFile, type OnnxTensor, type Operation } from './graph.ts';

/**
 * The joined classifier as an ONNX file: input `image`, float32 `[N, s, s, 3]`, already preprocessed; output
 * `probabilities`, float32 `[N, classes]`.
 *
 * Written by hand: the converters are Python's, and a chain of five kinds of layer does not need them.
 *
 * @throws PackageError LAYER_UNSUPPORTED for a layer or a setting outside those five
 */
export function onnxModel(
  tf: Tf,
  model: tfjs.LayersModel,
  labels: { doc: string; producerVersion: string },
): Uint8Array {
  // Keras and tfjs keep channels last, ONNX first.
  const toChannelsFirst: Operation = { op: 'Transpose', name: 'to_nchw', attributes: { perm: [0, 3, 1, 2] } };
  return onnxFile({
    ...labels,
    name: model.name,
    input: { name: 'image', dims: ['N', ...sizesOf(model.inputs)] },
    output: { name: 'probabilities', dims: ['N', ...sizesOf(model.outputs)] },
    operations: [toChannelsFirst, ...model.layers.flatMap((layer) => operationsOf(tf, layer))],
  });
}

function operationsOf(tf: Tf, layer: tfjs.layers.Layer): Operation[] {
  const { name } = layer;
  switch (layer.getClassName()) {
    case 'InputLayer':
      return [];
    case 'Conv2D':
      return convolution(tf, layer);
    case 'MaxPooling2D': {
      const { poolSize, strides } = settings(layer, poolSchema);
      return [{ op: 'MaxPool', name, attributes: { kernel_shape: poolSize, strides } }];
    }
    case 'GlobalAveragePooling2D':
      return [
        { op: 'GlobalAveragePool', name },
        { op: 'Flatten', name: `${name}/flatten` },
      ];
    case 'Dense': {
      const { activation } = settings(layer, denseSchema);
      const [kernel, bias] = constants(layer);
      return [
        { op: 'Gemm', name: `${name}/gemm`, constants: [kernel, bias] },
        ...activationOf(name, activation),
      ];
    }
    default:
      throw unsupported(layer, `is a ${layer.getClassName()}`);
  }
}

function convolution(tf: Tf, layer: tfjs.layers.Layer): Operation[] {
  const { name } = layer;
  const { kernelSize, activation } = settings(layer, convSchema);
  const [hwio, bias] = constants(layer);
  const [height = 0, width = 0, inputs = 0, outputs = 0] = hwio.dims;
  const oihw = tf.tidy(() =>
    tf.tensor4d(hwio.values, [height, width, inputs, outputs]).transpose([3, 2, 0, 1]),
  );
  // Outside of tidy, which would look for tensors in the result, one number after the other.
  const values = oihw.dataSync<'float32'>();
  oihw.dispose();
  const kernel: OnnxTensor = { name: hwio.name, dims: [outputs, inputs, height, width], values };
  const pads = [...kernelSize, ...kernelSize].map((size) => (size - 1) / 2);
  const attributes = { kernel_shape: kernelSize, pads, strides: [1, 1] };
  return [
    { op: 'Conv', name: `${name}/conv`, attributes, constants: [kernel, bias] },
    ...activationOf(name, activation),
  ];
}

function activationOf(layer: string, activation: z.infer<typeof activationSchema>): Operation[] {
  if (activation === 'relu') return [{ op: 'Relu', name: `${layer}/relu` }];
  if (activation === 'softmax') return [{ op: 'Softmax', name: `${layer}/softmax`, attributes: { axis: 1 } }];
  return [];
}

/** Kernel and bias as they are kept in the layer. */
function constants(layer: tfjs.layers.Layer): [OnnxTensor, OnnxTensor] {
  const [kernel, bias] = layer.getWeights();
  if (kernel === undefined || bias === undefined) throw unsupported(layer, 'has no kernel and bias');
  const constant = (name: string, tensor: tfjs.Tensor): OnnxTensor => ({
    name: `${layer.name}/${name}`,
    dims: tensor.shape,
    values: tensor.dataSync<'float32'>(),
  });
  return [constant('kernel', kernel), constant('bias', bias)];
}

const activationSchema = z.enum(['linear', 'relu', 'softmax']);
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

function sizesOf(ends: readonly tfjs.SymbolicTensor[]): number[] {
  return (ends[0]?.shape.slice(1) ?? []).map((size) => size ?? 0);
}
