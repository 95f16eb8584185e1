import { readFile, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { WeightsError } from '../errors.ts';
import { readInitializers, type Initializer } from '../onnx/initializers.ts';
import { CONV_LAYERS } from '../vgg16.ts';
import { BASE_WEIGHTS_SHA256, canonicalBytes, verifyBaseWeights, type ConvWeights } from './base.ts';
import { readKerasWeights } from './keras.ts';

/**
 * Writes the canonical weights file out of Keras' HDF5 file or an ONNX export of VGG16. Nothing is written when the
 * digest does not fit.
 *
 * @param from path ending in `.h5` (Keras `notop` or whole model) or `.onnx` (initializers named after the layers)
 * @param to path of the canonical `.f32` file
 * @param options.sha256 the digest of the result; default the ImageNet weights of VGG16
 * @throws WeightsError WEIGHTS_FORMAT, WEIGHTS_DIGEST_MISMATCH, WEIGHTS_MISSING
 */
export async function convertBaseWeights(
  from: string,
  to: string,
  options: { sha256?: string } = {},
): Promise<void> {
  const bytes = canonicalBytes(await readLayers(from));
  verifyBaseWeights(bytes, options.sha256 ?? BASE_WEIGHTS_SHA256);
  await writeFile(to, bytes);
}

async function readLayers(from: string): Promise<ReadonlyMap<string, ConvWeights>> {
  switch (extname(from).toLowerCase()) {
    case '.h5':
    case '.hdf5':
      return readKerasWeights(from);
    case '.onnx':
      return readOnnxWeights(from);
    default:
      throw new WeightsError('WEIGHTS_FORMAT', `${from}: base weights are read from .h5 and .onnx files`);
  }
}

async function readOnnxWeights(path: string): Promise<ReadonlyMap<string, ConvWeights>> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new WeightsError('WEIGHTS_MISSING', `the base weights could not be read from ${path}`, { cause });
  });
  const initializers = parse(path, bytes);
  const layers = new Map<string, ConvWeights>();
  for (const { name } of CONV_LAYERS) {
    // tf2onnx names an initializer after the layer and the operation; the rank tells kernel from bias.
    const own = [...initializers].filter(([key]) => key.includes(name)).map(([, tensor]) => tensor);
    const kernel = own.find((tensor) => tensor.dims.length === 4);
    const bias = own.find((tensor) => tensor.dims.length === 1);
    if (kernel === undefined || bias === undefined) {
      throw new WeightsError('WEIGHTS_FORMAT', `${path} has no kernel and bias for ${name}`);
    }
    layers.set(name, { kernel: kernelToHwio(kernel), bias: bias.values });
  }
  return layers;
}

function parse(path: string, bytes: Uint8Array): ReadonlyMap<string, Initializer> {
  try {
    return readInitializers(bytes);
  } catch (cause) {
    throw new WeightsError('WEIGHTS_FORMAT', `${path} is not an ONNX model`, { cause });
  }
}

/** ONNX keeps kernels as `[outputs, inputs, height, width]`, Keras and tfjs as `[height, width, inputs, outputs]`. */
function kernelToHwio({ dims, values }: Initializer): Float32Array {
  const [outputs = 0, inputs = 0, height = 0, width = 0] = dims;
  const plane = height * width;
  const kernel = new Float32Array(values.length);
  let read = 0;
  for (let out = 0; out < outputs; out++) {
    for (let input = 0; input < inputs; input++) {
      for (let at = 0; at < plane; at++) kernel[(at * inputs + input) * outputs + out] = values[read++] ?? 0;
    }
  }
  return kernel;
}
