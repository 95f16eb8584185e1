/**
 * Images, and changed copies of the training images → what the frozen layers make of them: computed once per image,
 * contract, frozen layers and base weights, kept on disk, and shared by the trials of a search and by later runs.
 */
import { createHash } from 'node:crypto';
import { contractDigest } from '@hilum/imaging';
import type { Cut } from '@hilum/model';
import { changesPixels } from '../augment/augment.ts';
import { surveyDomain, type DomainSurvey } from '../dataset/domain.ts';
import { computeMissing, type ComputeOptions, type Task } from './compute.ts';
import { readBytes } from './images.ts';
import { readAhead } from './read-ahead.ts';
import type { ShardFolder } from './shards.ts';
import { FeatureStore } from './store.ts';
import { Verdicts } from './verdicts.ts';

export interface FeatureOptions extends ComputeOptions {
  readonly cut: Cut;
  /** Whatever else decides what the frozen layers make of an image: taps, pooling, views. */
  readonly frozenDigest?: string | undefined;
  /** Hex sha256 of the base weights. */
  readonly weightsSha256: string;
  readonly cacheDir: string;
  /** Of all recipes in `cacheDir` together, in bytes; default 20 GB. Recipes that no run uses make room for this one. */
  readonly cacheLimitBytes?: number | undefined;
  /** Milliseconds since 1970, to tell which recipe was used last. */
  readonly now?: (() => number) | undefined;
}

/** What a network is trained on: rows of float32 by the index of a sample. */
interface FeatureRows {
  /** Length of a row. */
  readonly floats: number;
  /**
   * Rows of the samples with these indices, one after the other. They are read from disk at every call.
   *
   * @param copy 0: the sample itself, which every one has; from 1: a changed copy, which training samples have
   */
  readonly rows: (indices: ArrayLike<number>, copy?: number) => Float32Array;
}

/** One sample per image of the dataset, in its order. */
export interface Features extends FeatureRows {
  /** How many rows were not in the cache. */
  readonly computed: number;
  /** Of all images, copies aside. */
  readonly survey: DomainSurvey;
  readonly close: () => void;
}

const CACHE_LIMIT_BYTES = 20e9;
const READS_AT_ONCE = 8;

/**
 * Reads what the cache has and computes the rest: each image is decoded once for its domain, its features and those of
 * its copies, and not at all where the cache has everything.
 *
 * @throws TrainerError UNREADABLE_IMAGE naming the file by its path in the dataset; DISK_FULL
 */
export async function extractFeatures(options: FeatureOptions): Promise<Features> {
  const { dataset, cacheDir, contract, now = Date.now } = options;
  const digests = await digestsOf(options);
  const store = new FeatureStore(cacheDir, { limitBytes: options.cacheLimitBytes ?? CACHE_LIMIT_BYTES, now });
  try {
    const places = await openPlaces(store, options);
    const verdicts = await Verdicts.open(cacheDir, contract);
    const tasks = tasksOf(digests, places, options);
    for (const folder of new Set(places)) {
      await folder.verify(
        tasks.flatMap(({ rows }) => rows.flatMap((row) => (row.folder === folder ? [row.key] : []))),
      );
    }
    const computed = await computeMissing(tasks, { ...options, store, verdicts });
    const floats = places[0]?.floats(digests[0] ?? '') ?? 0;
    const rows = (indices: ArrayLike<number>, copy = 0): Float32Array => {
      const folder = places[copy];
      if (folder === undefined) throw new RangeError(`there is no copy ${copy} of an image`);
      const values = new Float32Array(indices.length * floats);
      for (let at = 0; at < indices.length; at += 1) {
        folder.read(
          keyOf(digests[indices[at] ?? 0] ?? '', folder === places[0] ? 0 : copy),
          values,
          at * floats,
        );
      }
      return values;
    };
    const judgements = digests.map((digest) => verdicts.find(digest) ?? null);
    const survey = surveyDomain(dataset, judgements, contract);
    return { floats, rows, computed, survey, close: () => store.close() };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Hex sha256 of every file. */
async function digestsOf({ dataset, signal }: FeatureOptions): Promise<readonly string[]> {
  const digests: string[] = [];
  const read = readAhead(dataset.images, READS_AT_ONCE, async ({ file }) =>
    sha256(await readBytes(dataset.dir, file)),
  );
  for await (const digest of read) {
    signal?.throwIfAborted();
    digests.push(digest);
  }
  return digests;
}

/** Where the rows of copy 0, 1, … lie. Copies without a change are the image itself, and have its rows. */
async function openPlaces(
  store: FeatureStore,
  { contract, cut, frozenDigest, weightsSha256, augmentation }: FeatureOptions,
): Promise<readonly ShardFolder[]> {
  // The domain says which images a server takes; their pixels are the same in any.
  const pixels = contractDigest({ ...contract, domain: 'any' });
  const recipe = sha256(JSON.stringify([2, pixels, cut, frozenDigest ?? '', weightsSha256]));
  const images = await store.folder(recipe);
  if (augmentation === undefined) return [images];
  const { copies, ...changes } = augmentation.recipe;
  const { rotationDegrees, shiftPercent, scalePercent, noise } = changes;
  // Not by the number of copies: more of them go on from those that are there.
  const drawn = [1, recipe, rotationDegrees, shiftPercent, scalePercent, noise, augmentation.seed];
  const isChanged = copies > 0 && changesPixels(augmentation.recipe);
  const changed = isChanged ? await store.folder(sha256(JSON.stringify(drawn))) : images;
  return [images, ...Array.from({ length: copies }, () => changed)];
}

/** What an image needs to have, each file once, in the dataset's order. */
function tasksOf(
  digests: readonly string[],
  places: readonly ShardFolder[],
  { augmentation }: FeatureOptions,
): readonly Task[] {
  const train = new Set(augmentation?.train.map((index) => digests[index]));
  return [...new Map(digests.map((digest, index) => [digest, index]))].map(([digest, index]) => ({
    digest,
    index,
    rows: places.flatMap((folder, copy) => {
      const isWanted = copy === 0 || (folder !== places[0] && train.has(digest));
      return isWanted ? [{ folder, copy, key: keyOf(digest, copy) }] : [];
    }),
  }));
}

function keyOf(digest: string, copy: number): string {
  return copy === 0 ? digest : sha256(`${digest} ${copy}`);
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
