import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { WeightsError } from '../errors.ts';
import { CONV_LAYERS, type ConvLayer } from '../vgg16.ts';

/**
 * The digest of the canonical file of the ImageNet weights: 26 tensors as little-endian fp32, block1_conv1 to
 * block5_conv3, each kernel in HWIO order and then its bias; 58,858,752 bytes.
 */
export const BASE_WEIGHTS_SHA256 = 'd9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd';

/** Kernel `[3, 3, inputs, outputs]` (HWIO, row-major) and bias `[outputs]` of one convolution. */
export interface ConvWeights {
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
}

/** All thirteen convolutions of the base, by the names of `CONV_LAYERS`. */
export interface BaseWeights {
  /** Hex sha256 of the canonical file. */
  readonly sha256: string;
  readonly layers: ReadonlyMap<string, ConvWeights>;
}

/**
 * Reads a canonical weights file.
 *
 * @param options.sha256 the digest it must have; default the ImageNet weights of VGG16
 * @throws WeightsError WEIGHTS_MISSING, WEIGHTS_DIGEST_MISMATCH, WEIGHTS_FORMAT
 */
export async function readBaseWeights(path: string, options: { sha256?: string } = {}): Promise<BaseWeights> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new WeightsError('WEIGHTS_MISSING', `the base weights could not be read from ${path}`, { cause });
  });
  verifyBaseWeights(bytes, options.sha256 ?? BASE_WEIGHTS_SHA256);
  if (bytes.byteLength !== CANONICAL_BYTES) {
    const message = `${path} has ${bytes.byteLength} bytes; canonical VGG16 weights have ${CANONICAL_BYTES}`;
    throw new WeightsError('WEIGHTS_FORMAT', message);
  }
  const values = floatsOf(bytes);
  const layers = new Map<string, ConvWeights>();
  let offset = 0;
  const take = (count: number): Float32Array => values.subarray(offset, (offset += count));
  for (const layer of CONV_LAYERS) {
    layers.set(layer.name, { kernel: take(kernelLength(layer)), bias: take(layer.outputs) });
  }
  return { sha256: options.sha256 ?? BASE_WEIGHTS_SHA256, layers };
}

/** The same memory: a copy of 59 MB would stay for as long as the garbage collector sees no need. */
function floatsOf(bytes: Buffer<ArrayBuffer>): Float32Array {
  // A Buffer may begin at an offset that a Float32Array cannot; one of a large file does not.
  const isAligned = bytes.byteOffset % Float32Array.BYTES_PER_ELEMENT === 0;
  const { buffer, byteOffset, byteLength } = isAligned ? bytes : new Uint8Array(bytes);
  return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT);
}

/** The canonical bytes of weights that were read elsewhere. */
export function canonicalBytes(layers: ReadonlyMap<string, ConvWeights>): Uint8Array {
  const values = new Float32Array(CANONICAL_BYTES / 4);
  let offset = 0;
  for (const layer of CONV_LAYERS) {
    const weights = layers.get(layer.name);
    if (weights === undefined) throw new WeightsError('WEIGHTS_FORMAT', `there is no layer ${layer.name}`);
    if (weights.kernel.length !== kernelLength(layer) || weights.bias.length !== layer.outputs) {
      throw new WeightsError('WEIGHTS_FORMAT', `layer ${layer.name} is not a VGG16 convolution`);
    }
    values.set(weights.kernel, offset);
    values.set(weights.bias, offset + weights.kernel.length);
    offset += weights.kernel.length + weights.bias.length;
  }
  return new Uint8Array(values.buffer);
}

/** Throws WEIGHTS_DIGEST_MISMATCH unless the bytes have this hex sha256. */
export function verifyBaseWeights(bytes: Uint8Array, want: string): void {
  const got = createHash('sha256').update(bytes).digest('hex');
  if (got === want) return;
  throw new WeightsError('WEIGHTS_DIGEST_MISMATCH', `the base weights have sha256 ${got}; expected ${want}`);
}

const CANONICAL_BYTES = CONV_LAYERS.reduce(
  (sum, layer) => sum + 4 * (kernelLength(layer) + layer.outputs),
  0,
);

function kernelLength(layer: ConvLayer): number {
  return 9 * layer.inputs * layer.outputs;
}
