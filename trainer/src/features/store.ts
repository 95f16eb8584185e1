/**
 * The folder of all computed features, bounded in size: one folder per recipe, of which the one that was used longest
 * ago goes first. Several runs may use it at once.
 */
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError, errnoOf } from '../dvc/disk.ts';
import { TrainerError } from '../errors.ts';
import { ShardFolder } from './shards.ts';

export interface StoreOptions {
  /** Of all recipes together; one run's own features are kept even where they alone are more. */
  readonly limitBytes: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId?: () => string;
}

/** A folder says when it was last used by the time of this file. */
const USED = 'used';
/** Every run says that often that it still reads its folders. */
const STILL_USED_MS = 10 * 60_000;
/** A folder that was used so lately may be in use by a run that sees the same volume; several signs of life fit in. */
const IN_USE_MS = 60 * 60_000;
const RECIPE = /^[0-9a-f]{64}$/;

export class FeatureStore {
  readonly dir: string;
  readonly #options: StoreOptions;
  readonly #folders = new Map<string, ShardFolder>();
  readonly #heartbeat: NodeJS.Timeout;
  /** Of all recipes; undefined until it matters. */
  #bytes: number | undefined;

  constructor(dir: string, options: StoreOptions) {
    this.dir = dir;
    this.#options = options;
    this.#heartbeat = setInterval(() => void this.#touch(), STILL_USED_MS).unref();
  }

  /** The folder of a recipe, which stays until this store is closed. @param recipe hex sha256 */
  async folder(recipe: string): Promise<ShardFolder> {
    const known = this.#folders.get(recipe);
    if (known !== undefined) return known;
    const dir = join(this.dir, recipe);
    await this.guarded(async () => {
      await mkdir(dir, { recursive: true });
      await markUsed(dir, this.#options.now());
    });
    const folder = await ShardFolder.open(dir, this.#options);
    this.#folders.set(recipe, folder);
    return folder;
  }

  /**
   * Adds a shard to one of this store's folders; makes room by removing other recipes.
   *
   * @param missingBytes how much is still to come, this shard included
   * @throws TrainerError DISK_FULL naming the folder and how much space it needs
   */
  async add(
    folder: ShardFolder,
    keys: readonly string[],
    rows: Float32Array,
    missingBytes: number,
  ): Promise<void> {
    await this.#makeRoom(rows.byteLength);
    const bytes = await this.guarded(() => this.#addOrEvict(folder, keys, rows), missingBytes);
    if (this.#bytes !== undefined) this.#bytes += bytes;
  }

  async #addOrEvict(folder: ShardFolder, keys: readonly string[], rows: Float32Array): Promise<number> {
    try {
      return await folder.add(keys, rows);
    } catch (error) {
      // What others left in the cache is worth less than this run.
      if (!isFull(error) || (await this.#evict(Infinity)) === 0) throw error;
      return folder.add(keys, rows);
    }
  }

  /** A write below this folder, with the same answer to a full disk. @throws TrainerError DISK_FULL */
  async guarded<T>(write: () => Promise<T>, missingBytes?: number): Promise<T> {
    try {
      return await write();
    } catch (cause) {
      if (!isFull(cause) || missingBytes === undefined) throw diskError(cause, this.dir);
      const need = `the features that are still to be computed need ${megabytes(missingBytes)} there`;
      const text = `no space is left in ${this.dir}: ${need}; what was computed is kept`;
      throw new TrainerError('DISK_FULL', text, { cause });
    }
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const folder of this.#folders.values()) folder.close();
    this.#folders.clear();
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { limitBytes } = this.#options;
    if (this.#bytes === undefined || this.#bytes + bytes > limitBytes) {
      this.#bytes = (await this.#recipes()).reduce((sum, recipe) => sum + recipe.bytes, 0);
    }
    if (this.#bytes + bytes > limitBytes) this.#bytes -= await this.#evict(this.#bytes + bytes - limitBytes);
  }

  /** Removes recipes that nobody uses, the one used longest ago first. @returns how much that freed */
  async #evict(bytes: number): Promise<number> {
    let freed = 0;
    const old = this.#options.now() - IN_USE_MS;
    const recipes = (await this.#recipes()).filter(
      ({ name, usedMs }) => !this.#folders.has(name) && usedMs < old,
    );
    for (const { name, bytes: size } of recipes.toSorted((a, b) => a.usedMs - b.usedMs)) {
      if (freed >= bytes) break;
      await rm(join(this.dir, name), { recursive: true, force: true, maxRetries: 2 });
      freed += size;
    }
    return freed;
  }

  async #recipes(): Promise<
    readonly { readonly name: string; readonly bytes: number; readonly usedMs: number }[]
  > {
    const names = (await readdir(this.dir)).filter((name) => RECIPE.test(name));
    return Promise.all(
      names.map(async (name) => {
        const dir = join(this.dir, name);
        // Another run may be removing it.
        const files = await readdir(dir).catch(() => []);
        const sizes = await Promise.all(files.map(async (file) => sizeOf(join(dir, file))));
        return { name, bytes: sizes.reduce((sum, size) => sum + size, 0), usedMs: await usedAt(dir) };
      }),
    );
  }

  /** A sign of life that fails is no reason to end a run; the next one may not. */
  async #touch(): Promise<void> {
    for (const { dir } of this.#folders.values()) {
      await markUsed(dir, this.#options.now()).catch(() => undefined);
    }
  }
}

async function markUsed(dir: string, nowMs: number): Promise<void> {
  const path = join(dir, USED);
  await writeFile(path, '');
  await utimes(path, nowMs / 1000, nowMs / 1000);
}

async function usedAt(dir: string): Promise<number> {
  const info =
    (await stat(join(dir, USED)).catch(() => undefined)) ?? (await stat(dir).catch(() => undefined));
  return info?.mtimeMs ?? 0;
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '');
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
