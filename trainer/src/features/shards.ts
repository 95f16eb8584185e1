/**
 * Computed features on disk: files of at most a few dozen images, each whole or absent.
 *
 * A shard is one line of JSON (its keys, the length of a row, the sha256 of the rest) and then one row of
 * little-endian float32 per key. A shard that was cut or altered is dropped and its rows are computed again.
 */
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const headerSchema = z.strictObject({
  keys: z.array(z.string().length(64)).min(1),
  floats: z.int().positive(),
  sha256: z.string().length(64),
});

const SUFFIX = '.features';
const SCRATCH_SUFFIX = '.part';
/** Nobody takes that long to write a shard: its writer was killed. */
const SCRATCH_STALE_MS = 3_600_000;
// Long enough for the keys of any shard that we write.
const MAX_HEADER_BYTES = 1 << 20;
const HEADER_STEP_BYTES = 1 << 13;
/** Shards that are open at a time, far below what a process may open. */
const MAX_OPEN = 256;

interface Shard {
  readonly path: string;
  /** Where its rows begin, in bytes. */
  readonly start: number;
  readonly keys: readonly string[];
  readonly floats: number;
  readonly sha256: string;
  /** Whether its rows are known to be those that were written. */
  isVerified: boolean;
}

interface Row {
  readonly shard: Shard;
  readonly index: number;
}

/** Rows by key, over all shards of one folder. Rows stay on disk: what is held is where each of them lies. */
export class ShardFolder {
  readonly dir: string;
  readonly #rows = new Map<string, Row>();
  readonly #open = new Map<string, number>();
  readonly #newId: () => string;

  private constructor(dir: string, newId: () => string) {
    this.dir = dir;
    this.#newId = newId;
  }

  /** Opens a folder, made if absent, and reads which rows are in it. @param options.newId never the same twice, anywhere */
  static async open(
    dir: string,
    options: { readonly now?: () => number; readonly newId?: () => string } = {},
  ): Promise<ShardFolder> {
    const { now = Date.now, newId = randomUUID } = options;
    await mkdir(dir, { recursive: true });
    const folder = new ShardFolder(dir, newId);
    for (const name of (await readdir(dir)).toSorted()) {
      const path = join(dir, name);
      if (name.endsWith(SCRATCH_SUFFIX)) await removeStale(path, now());
      if (!name.endsWith(SUFFIX)) continue;
      const shard = await readShard(path);
      if (shard === undefined) await rm(path, { force: true });
      else folder.#take(shard);
    }
    return folder;
  }

  /** Drops the shards of these keys that are not as they were written. */
  async verify(keys: Iterable<string>): Promise<void> {
    const shards = new Set<Shard>();
    for (const key of keys) {
      const shard = this.#rows.get(key)?.shard;
      if (shard?.isVerified === false) shards.add(shard);
    }
    for (const shard of shards) {
      if ((await digestOf(shard)) === shard.sha256) {
        shard.isVerified = true;
        continue;
      }
      await rm(shard.path, { force: true });
      for (const key of shard.keys) if (this.#rows.get(key)?.shard === shard) this.#rows.delete(key);
    }
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  /** Number of float32 in the row of a key; throws for a key that is not there. */
  floats(key: string): number {
    return this.#row(key).shard.floats;
  }

  /** Copies a row to `into` at `at`. The files are small reads of a warm page cache, hence synchronous. */
  read(key: string, into: Float32Array, at: number): void {
    const { shard, index } = this.#row(key);
    const bytes = new Uint8Array(into.buffer, into.byteOffset + at * 4, shard.floats * 4);
    const count = readSync(this.#fileOf(shard), bytes, 0, bytes.length, shard.start + index * bytes.length);
    if (count !== bytes.length) throw new Error(`a feature shard in ${this.dir} was cut while in use`);
  }

  /** Adds one shard. @param rows `keys.length` rows of equal length, one after the other. @returns its bytes on disk */
  async add(keys: readonly string[], rows: Float32Array): Promise<number> {
    const body = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
    const floats = rows.length / keys.length;
    const sha256 = createHash('sha256').update(body).digest('hex');
    const header = Buffer.from(`${JSON.stringify({ keys, floats, sha256 })}\n`);
    const path = join(
      this.dir,
      `${createHash('sha256').update(keys.join()).digest('hex').slice(0, 32)}${SUFFIX}`,
    );
    const scratch = `${path}.${this.#newId()}${SCRATCH_SUFFIX}`;
    try {
      // Another run may have taken the folder for an old one.
      await mkdir(this.dir, { recursive: true });
      await writeParts(scratch, [header, body]);
      await rename(scratch, path);
    } catch (error) {
      await rm(scratch, { force: true });
      throw error;
    }
    this.#close(path);
    this.#take({ path, start: header.length, keys, floats, sha256, isVerified: true });
    return header.length + body.length;
  }

  close(): void {
    for (const path of this.#open.keys()) this.#close(path);
    this.#rows.clear();
  }

  #take(shard: Shard): void {
    for (const [index, key] of shard.keys.entries()) this.#rows.set(key, { shard, index });
  }

  #row(key: string): Row {
    const row = this.#rows.get(key);
    if (row === undefined) throw new Error(`no features for ${key}`);
    return row;
  }

  #fileOf({ path }: Shard): number {
    const known = this.#open.get(path);
    if (known !== undefined) return known;
    const [oldest] = this.#open.size >= MAX_OPEN ? this.#open.keys() : [];
    if (oldest !== undefined) this.#close(oldest);
    const file = openSync(path, 'r');
    this.#open.set(path, file);
    return file;
  }

  #close(path: string): void {
    const file = this.#open.get(path);
    if (file !== undefined) closeSync(file);
    this.#open.delete(path);
  }
}

async function removeStale(path: string, nowMs: number): Promise<void> {
  const info = await stat(path).catch(() => undefined);
  if (info !== undefined && nowMs - info.mtimeMs > SCRATCH_STALE_MS) await rm(path, { force: true });
}

/** What a shard's header says, or undefined where it cannot be the header of this file. */
async function readShard(path: string): Promise<Shard | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    let head = Buffer.alloc(0);
    while (!head.includes(0x0a) && head.length < Math.min(size, MAX_HEADER_BYTES)) {
      const step = Buffer.alloc(HEADER_STEP_BYTES);
      const { bytesRead } = await file.read(step, 0, step.length, head.length);
      head = Buffer.concat([head, step.subarray(0, bytesRead)]);
    }
    const end = head.indexOf(0x0a);
    const header = parseHeader(head.subarray(0, Math.max(end, 0)).toString());
    if (header === undefined || size !== end + 1 + header.keys.length * header.floats * 4) return undefined;
    return { path, start: end + 1, ...header, isVerified: false };
  } finally {
    await file.close();
  }
}

function parseHeader(text: string): z.infer<typeof headerSchema> | undefined {
  try {
    return headerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Of its rows, as they are on disk now; none where the file is gone. */
async function digestOf({ path, start }: Shard): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { start, highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
    }
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}

async function writeParts(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (const part of parts) await file.writeFile(part);
  } finally {
    await file.close();
  }
}
