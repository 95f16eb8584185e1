/** The rows that the cache lacks: images are decoded ahead while the network computes, and written shard by shard. */
import { createHash } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Contract, Image } from '@hilum/imaging';
import type { Tf } from '@hilum/model';
import { augmented } from '../augment/augment.ts';
import { judged } from '../dataset/domain.ts';
import type { Dataset } from '../dataset/scan.ts';
import { TrainerError } from '../errors.ts';
import type { AugmentationRecipe } from '../recipe.ts';
import type { LayersModel } from '../tensors.ts';
import { decoded, readBytes, tensorOf } from './images.ts';
import { readAhead } from './read-ahead.ts';
import type { ShardFolder } from './shards.ts';
import type { FeatureStore } from './store.ts';
import type { Verdict, Verdicts } from './verdicts.ts';

export interface ComputeOptions {
  readonly tf: Tf;
  readonly dataset: Pick<Dataset, 'dir' | 'images'>;
  /** Its domain is the one that the images are judged by. */
  readonly contract: Contract;
  /** Called only where something has to be computed; input `[n, s, s, 3]`, one output. */
  readonly frozen: () => Pick<LayersModel, 'predict' | 'dispose'>;
  /** How many images the frozen layers make of one inside; 1 unless told. */
  readonly views?: number | undefined;
  readonly augmentation?: Augmentation | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FeatureProgress) => void) | undefined;
}

interface Augmentation {
  readonly recipe: AugmentationRecipe;
  readonly seed: number;
  /** Indices of the training images; no other image has copies. */
  readonly train: readonly number[];
}

interface FeatureProgress {
  /** Copies count as images. */
  readonly images: number;
  readonly totalImages: number;
  /** How many of all came from the cache. */
  readonly cached: number;
}

/** What one image file is to have. */
export interface Task {
  /** Hex sha256 of the file. */
  readonly digest: string;
  /** Of the image in the dataset. */
  readonly index: number;
  readonly rows: readonly Place[];
}

interface Place {
  readonly folder: ShardFolder;
  readonly key: string;
  readonly copy: number;
}

type Context = ComputeOptions & { readonly store: FeatureStore; readonly verdicts: Verdicts };
type Missing = Task & { readonly needsVerdict: boolean };

/** Decodes nothing where nothing is missing. @returns how many rows were computed */
export async function computeMissing(tasks: readonly Task[], context: Context): Promise<number> {
  const missing = tasks.map((task) => missingOf(task, context)).filter(isNeeded);
  const count = missing.reduce((sum, { rows }) => sum + rows.length, 0);
  const { dataset, augmentation } = context;
  const totalImages =
    dataset.images.length + (augmentation?.train.length ?? 0) * (augmentation?.recipe.copies ?? 0);
  const cached = totalImages - count;
  const report = (done: number): void => context.onProgress?.({ images: cached + done, totalImages, cached });
  report(0);
  const model = count === 0 ? undefined : context.frozen();
  try {
    const output = new Output(context, count);
    let batch: Input[] = [];
    const step = batchSize(context);
    for await (const { digest, verdict, inputs } of readAhead(missing, aheadOf(missing, step), (task) =>
      prepare(task, context),
    )) {
      context.signal?.throwIfAborted();
      if (verdict !== undefined) await output.judge(digest, verdict);
      for (const input of inputs) {
        batch.push(input);
        if (batch.length < step || model === undefined) continue;
        report(await output.take(batch, await infer(model, batch, context)));
        batch = [];
      }
    }
    if (batch.length > 0 && model !== undefined)
      report(await output.take(batch, await infer(model, batch, context)));
    await output.end();
  } finally {
    model?.dispose();
  }
  return count;
}

function missingOf(task: Task, { contract, verdicts }: Context): Missing {
  return {
    ...task,
    rows: task.rows.filter(({ folder, key }) => !folder.has(key)),
    needsVerdict: contract.domain !== 'any' && verdicts.find(task.digest) === undefined,
  };
}

function isNeeded({ rows, needsVerdict }: Missing): boolean {
  return rows.length > 0 || needsVerdict;
}

// Measured on two cores, in CPU time per image and peak memory of the process. 64 px: a batch of 8 takes 12.2 ms and
// 623 MB, 24 11.0 ms and 635 MB, 32 10.9 ms and 701 MB. 224 px: one takes 146 ms and 598 MB, 3 135 ms and 697 MB, 4
// 134 ms and 745 MB. Such a batch computes for less than half a second: a signal is not waited for much longer.
const BATCH_PIXELS = 150_000;
const BATCH_MAX = 24;

function batchSize({ contract: { inputSize }, views = 1 }: ComputeOptions): number {
  const fitting = Math.min(BATCH_MAX, BATCH_PIXELS / inputSize ** 2);
  return Math.max(1, Math.round(fitting / views));
}

/** As many images as make two batches, so that one is ready when the other is done; more would only take memory. */
function aheadOf(missing: readonly Missing[], step: number): number {
  const most = missing.reduce((rows, task) => Math.max(rows, task.rows.length), 1);
  return Math.max(2, Math.ceil((2 * step) / most));
}

interface Input extends Place {
  /** `s * s * 3` float32. */
  readonly tensor: Float32Array;
}

interface Prepared {
  readonly digest: string;
  readonly verdict?: Verdict;
  readonly inputs: readonly Input[];
}

async function prepare(task: Missing, context: Context): Promise<Prepared> {
  const { dataset, contract, signal } = context;
  const { digest, rows, needsVerdict } = task;
  signal?.throwIfAborted();
  const { file } = dataset.images[task.index] ?? { file: '' };
  const bytes = await readBytes(dataset.dir, file);
  // Else the features of one image would be kept for ever under the name of another.
  if (createHash('sha256').update(bytes).digest('hex') !== digest) {
    throw new TrainerError('UNREADABLE_IMAGE', `${file}: the file was changed while the run read it`);
  }
  const image = await decoded(bytes, file, signal);
  const { code, seen } = needsVerdict ? judged(image, contract) : { seen: {} };
  const inputs: Input[] = [];
  for (const place of rows) {
    const tensor =
      place.copy === 0
        ? await tensorOf(image, file, contract, seen)
        : await copyTensor(image, file, { ...context, digest, copy: place.copy });
    inputs.push({ ...place, tensor });
  }
  return { digest, inputs, ...(needsVerdict ? { verdict: code ?? null } : {}) };
}

async function copyTensor(
  image: Image,
  file: string,
  { contract, augmentation, digest, copy }: Context & { readonly digest: string; readonly copy: number },
): Promise<Float32Array> {
  if (augmentation === undefined) throw new TypeError('there are no copies without augmentation');
  const { recipe, seed } = augmentation;
  try {
    return await tensorOf(augmented(image, recipe, { seed, copy, imageDigest: digest }), file, contract);
  } catch (error) {
    // A contract that crops to the lungs may not find the last edge of one in a copy. The image itself is no worse copy.
    if (error instanceof TrainerError) return tensorOf(image, file, contract);
    throw error;
  }
}

async function infer(
  model: Pick<LayersModel, 'predict'>,
  batch: readonly Input[],
  { tf, contract: { inputSize } }: Context,
): Promise<Float32Array> {
  const pixels = concat(batch.map(({ tensor }) => tensor));
  const features = tf.tidy(() => {
    const input = tf.tensor4d(pixels, [batch.length, inputSize, inputSize, 3]);
    const output = model.predict(input, { batchSize: batch.length });
    if (Array.isArray(output)) throw new TypeError('the frozen layers have one output');
    return output;
  });
  try {
    return Float32Array.from(await features.data());
  } finally {
    features.dispose();
    // The engine computes in this thread; what was decoded meanwhile, and signals, have their turn now.
    await breathe();
  }
}

const SHARD_IMAGES = 64;
// What a killed run loses, and a whole shard in memory.
const SHARD_BYTES = 24 << 20;

/** Rows on their way to disk. */
class Output {
  readonly #context: Context;
  readonly #pending = new Map<ShardFolder, { readonly keys: string[]; readonly rows: Float32Array[] }>();
  #verdicts = new Map<string, Verdict>();
  readonly #count: number;
  #taken = 0;
  #written = 0;

  constructor(context: Context, count: number) {
    this.#context = context;
    this.#count = count;
  }

  async judge(digest: string, verdict: Verdict): Promise<void> {
    this.#verdicts.set(digest, verdict);
    if (this.#verdicts.size >= SHARD_IMAGES) await this.#writeVerdicts();
  }

  /** @returns how many rows were taken by now */
  async take(batch: readonly Input[], values: Float32Array): Promise<number> {
    const floats = values.length / batch.length;
    const most = Math.max(1, Math.min(SHARD_IMAGES, Math.floor(SHARD_BYTES / (floats * 4))));
    for (const [at, { folder, key }] of batch.entries()) {
      const pending = this.#pending.get(folder) ?? { keys: [], rows: [] };
      this.#pending.set(folder, pending);
      pending.keys.push(key);
      pending.rows.push(values.subarray(at * floats, (at + 1) * floats));
      if (pending.keys.length >= most) await this.#write(folder);
    }
    this.#taken += batch.length;
    return this.#taken;
  }

  async end(): Promise<void> {
    for (const folder of this.#pending.keys()) await this.#write(folder);
    await this.#writeVerdicts();
  }

  async #write(folder: ShardFolder): Promise<void> {
    const { keys, rows } = this.#pending.get(folder) ?? { keys: [], rows: [] };
    this.#pending.delete(folder);
    const missingBytes = (this.#count - this.#written) * (rows[0]?.byteLength ?? 0);
    await this.#context.store.add(folder, keys, concat(rows), missingBytes);
    this.#written += keys.length;
  }

  async #writeVerdicts(): Promise<void> {
    const verdicts = this.#verdicts;
    this.#verdicts = new Map();
    await this.#context.store.guarded(() => this.#context.verdicts.add(verdicts));
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
