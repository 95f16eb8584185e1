import { open } from 'node:fs/promises';
import { Dataset, File, Group, ready } from 'h5wasm/node';
import { WeightsError } from '../errors.ts';
import { CONV_LAYERS } from '../vgg16.ts';
import type { ConvWeights } from './base.ts';

/**
 * The thirteen convolutions of a Keras HDF5 file. Keras changed the names of the datasets inside a layer's group over
 * the years (`block1_conv1_W_1:0`, `block1_conv1/kernel:0`), never the group's own name, so the rank tells them apart.
 */
export async function readKerasWeights(path: string): Promise<ReadonlyMap<string, ConvWeights>> {
  await checkSignature(path);
  await ready;
  let file: File | undefined;
  try {
    file = new File(path, 'r');
    return readLayers(file);
  } catch (cause) {
    if (cause instanceof WeightsError) throw cause;
    throw new WeightsError('WEIGHTS_FORMAT', `${path} is not a Keras HDF5 file of VGG16`, { cause });
  } finally {
    file?.close();
  }
}

/** Before the library sees the file, which answers a foreign one with a page of its own inner state. */
async function checkSignature(path: string): Promise<void> {
  const file = await open(path).catch((cause: unknown) => {
    throw new WeightsError('WEIGHTS_MISSING', `the base weights could not be read from ${path}`, { cause });
  });
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  await file.close();
  if (buffer.toString('latin1') === '\x89HDF\r\n\x1a\n') return;
  throw new WeightsError('WEIGHTS_FORMAT', `${path} is not an HDF5 file`);
}

function readLayers(file: File): ReadonlyMap<string, ConvWeights> {
  const layers = new Map<string, ConvWeights>();
  for (const { name } of CONV_LAYERS) {
    // `model_weights` holds the layers where the file is a whole saved model.
    const group = file.get(name) ?? file.get(`model_weights/${name}`);
    const datasets = group instanceof Group ? datasetsOf(group) : [];
    const kernel = datasets.find((dataset) => dataset.shape?.length === 4);
    const bias = datasets.find((dataset) => dataset.shape?.length === 1);
    if (kernel === undefined || bias === undefined) {
      throw new WeightsError('WEIGHTS_FORMAT', `${file.filename} has no kernel and bias for ${name}`);
    }
    layers.set(name, { kernel: floatsOf(kernel), bias: floatsOf(bias) });
  }
  return layers;
}

function datasetsOf(group: Group): Dataset[] {
  return group.keys().flatMap((name) => {
    const entity = group.get(name);
    if (entity instanceof Dataset) return [entity];
    return entity instanceof Group ? datasetsOf(entity) : [];
  });
}

function floatsOf(dataset: Dataset): Float32Array {
  const { value } = dataset;
  if (value instanceof Float32Array) return value;
  throw new WeightsError('WEIGHTS_FORMAT', `${dataset.path} does not hold 32-bit floats`);
}
