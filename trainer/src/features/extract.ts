/** Images → what the frozen layers make of them, computed once per image, contract, cut and base weights. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  contractDigest,
  decodeImage,
  ImagingError,
  toTensor,
  type Contract,
  type Image,
} from '@hilum/imaging';
import type { Cut, Tf } from '@hilum/model';
import type { Dataset } from '../dataset/scan.ts';
import { TrainerError } from '../errors.ts';
import type { LayersModel } from '../tensors.ts';
import { ShardFolder } from './shards.ts';

export interface FeatureOptions {
  readonly tf: Tf;
  readonly dataset: Pick<Dataset, 'dir' | 'images'>;
  readonly contract: Contract;
  readonly cut: Cut;
  /** Hex sha256 of the base weights. */
  readonly weightsSha256: string;
  /** Called only where something has to be computed; input `[n, s, s, 3]`. */
  readonly frozen: () => Pick<LayersModel, 'predict' | 'dispose'>;
  readonly cacheDir: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FeatureProgress) => void;
}

interface FeatureProgress {
  readonly images: number;
  readonly totalImages: number;
  /** How many of all came from the cache. */
  readonly cached: number;
}

/** One row of float32 per image of the dataset, in its order. */
export interface Features {
  readonly floats: number;
  /** Rows of the images with these indices, one after the other. */
  readonly rows: (indices: ArrayLike<number>) => Float32Array;
  readonly computed: number;
  readonly close: () => void;
}

// 2 MB to 25 MB a shard, by cut and input size: small enough that a killed run loses little.
const SHARD_IMAGES = 64;

/**
 * Reads what the cache has and computes the rest.
 *
 * @throws TrainerError UNREADABLE_IMAGE naming the file by its path in the dataset
 */
export async function extractFeatures(options: FeatureOptions): Promise<Features> {
  const { dataset, signal } = options;
  // The domain says which images a server takes; their pixels are the same in any.
  const pixels = contractDigest({ ...options.contract, domain: 'any' });
  const recipe = sha256(JSON.stringify([1, pixels, options.cut, options.weightsSha256]));
  const folder = await ShardFolder.open(join(options.cacheDir, recipe));
  try {
    const keys: string[] = [];
    for (const { file } of dataset.images) {
      signal?.throwIfAborted();
      keys.push(sha256(recipe, await readBytes(dataset.dir, file)));
    }
    const missing = [...new Map(keys.map((key, index) => [key, index])).entries()].filter(
      ([key]) => !folder.has(key),
    );
    await compute(folder, missing, { ...options, cached: keys.length - missing.length });
    const floats = folder.floats(keys[0] ?? '');
    const rows = (indices: ArrayLike<number>): Float32Array => {
      const values = new Float32Array(indices.length * floats);
      for (let at = 0; at < indices.length; at += 1) {
        folder.read(keys[indices[at] ?? 0] ?? '', values, at * floats);
      }
      return values;
    };
    return { floats, rows, computed: missing.length, close: () => folder.close() };
  } catch (error) {
    folder.close();
    throw error;
  }
}

type Missing = readonly [key: string, index: number];

async function compute(
  folder: ShardFolder,
  missing: readonly Missing[],
  options: FeatureOptions & { readonly cached: number },
): Promise<void> {
  const totalImages = options.dataset.images.length;
  const report = (done: number): void =>
    options.onProgress?.({ images: options.cached + done, totalImages, cached: options.cached });
  report(0);
  if (missing.length === 0) return;
  const model = options.frozen();
  try {
    const step = batchSize(options.contract.inputSize);
    for (let start = 0; start < missing.length; start += SHARD_IMAGES) {
      const shard = missing.slice(start, start + SHARD_IMAGES);
      const parts: Float32Array[] = [];
      for (let at = 0; at < shard.length; at += step) {
        options.signal?.throwIfAborted();
        const batch = shard.slice(at, at + step);
        parts.push(await infer(model, await inputs(batch, options), batch.length, options));
        report(start + at + batch.length);
      }
      await folder.add(
        shard.map(([key]) => key),
        concat(parts),
      );
    }
  } finally {
    model.dispose();
  }
}

/** As many images as take VGG16 about half a second on one core: a signal is never waited for much longer. */
function batchSize(inputSize: number): number {
  return Math.max(1, Math.min(32, Math.round(16 * (64 / inputSize) ** 2)));
}

async function inputs(batch: readonly Missing[], options: FeatureOptions): Promise<Float32Array> {
  const tensors = await Promise.all(
    batch.map(([, index]) => imageTensor(options.dataset, index, options.contract, options.signal)),
  );
  return concat(tensors);
}

async function imageTensor(
  dataset: Pick<Dataset, 'dir' | 'images'>,
  index: number,
  contract: Contract,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return readTensor(dataset.dir, dataset.images[index]?.file ?? '', contract, signal);
}

/**
 * One image of a dataset as the network's input, `s * s * 3` float32.
 *
 * @throws TrainerError UNREADABLE_IMAGE
 */
export async function readTensor(
  dir: string,
  file: string,
  contract: Contract,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return tensorOf(await readImage(dir, file, signal), file, contract);
}

/** @throws TrainerError UNREADABLE_IMAGE */
export function tensorOf(image: Image, file: string, contract: Contract): Promise<Float32Array> {
  return named(file, () => toTensor(image, contract).tensor);
}

/**
 * One image of a dataset, decoded.
 *
 * @throws TrainerError UNREADABLE_IMAGE
 */
export async function readImage(dir: string, file: string, signal?: AbortSignal): Promise<Image> {
  const bytes = await readBytes(dir, file);
  return named(file, () => decodeImage(bytes, { signal }));
}

/** A refusal, with the file that it is about. */
async function named<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ImagingError)) throw cause;
    throw new TrainerError('UNREADABLE_IMAGE', `${file}: ${cause.code}: ${cause.message}`, { cause });
  }
}

async function readBytes(dir: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(join(dir, file));
  } catch (cause) {
    throw new TrainerError('UNREADABLE_IMAGE', `${file}: the file cannot be read`, { cause });
  }
}

async function infer(
  model: Pick<LayersModel, 'predict'>,
  pixels: Float32Array,
  count: number,
  { tf, contract: { inputSize } }: FeatureOptions,
): Promise<Float32Array> {
  const features = tf.tidy(() => {
    const output = model.predict(tf.tensor4d(pixels, [count, inputSize, inputSize, 3]), { batchSize: count });
    if (Array.isArray(output)) throw new TypeError('the frozen layers have one output');
    return output;
  });
  try {
    return Float32Array.from(await features.data());
  } finally {
    features.dispose();
  }
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
