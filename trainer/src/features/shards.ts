/**
 * Computed features on disk: files of at most a few dozen images, each whole or absent.
 *
 * A shard is one line of JSON (its keys, the length of a row, the sha256 of the rest) and then one row of
 * little-endian float32 per key. A shard that was cut or altered is dropped and its rows are computed again.
 */
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const headerSchema = z.strictObject({
  keys: z.array(z.string().length(64)).min(1),
  floats: z.int().positive(),
  sha256: z.string().length(64),
});

const SUFFIX = '.features';
// Long enough for the keys of any shard that we write.
const MAX_HEADER_BYTES = 1 << 20;

interface Row {
  readonly file: number;
  readonly offset: number;
  readonly floats: number;
}

/** Rows by key, over all shards of one folder. */
export class ShardFolder {
  readonly #dir: string;
  readonly #rows = new Map<string, Row>();
  readonly #files: number[] = [];

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Opens a folder, made if absent, and verifies every shard in it. */
  static async open(dir: string): Promise<ShardFolder> {
    await mkdir(dir, { recursive: true });
    const folder = new ShardFolder(dir);
    for (const name of (await readdir(dir)).toSorted()) {
      if (name.endsWith(SUFFIX)) await folder.#load(join(dir, name));
    }
    return folder;
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  /** Number of float32 in the row of a key; throws for a key that is not there. */
  floats(key: string): number {
    return this.#row(key).floats;
  }

  /** Copies a row to `into` at `at`. The files are small reads of a warm page cache, hence synchronous. */
  read(key: string, into: Float32Array, at: number): void {
    const { file, offset, floats } = this.#row(key);
    const bytes = new Uint8Array(into.buffer, into.byteOffset + at * 4, floats * 4);
    const count = readSync(file, bytes, 0, bytes.length, offset);
    if (count !== bytes.length) throw new Error(`a feature shard in ${this.#dir} was cut while in use`);
  }

  /** Adds one shard. @param rows `keys.length` rows of equal length, one after the other */
  async add(keys: readonly string[], rows: Float32Array): Promise<void> {
    const body = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
    const sha256 = createHash('sha256').update(body).digest('hex');
    const header = Buffer.from(`${JSON.stringify({ keys, floats: rows.length / keys.length, sha256 })}\n`);
    const name = createHash('sha256').update(keys.join()).digest('hex').slice(0, 32);
    const scratch = join(this.#dir, `${name}.${randomUUID()}.tmp`);
    try {
      await writeFile(scratch, Buffer.concat([header, body]));
      await rename(scratch, join(this.#dir, `${name}${SUFFIX}`));
    } catch (error) {
      await rm(scratch, { force: true });
      throw error;
    }
    await this.#load(join(this.#dir, `${name}${SUFFIX}`));
  }

  close(): void {
    for (const file of this.#files.splice(0)) closeSync(file);
    this.#rows.clear();
  }

  async #load(path: string): Promise<void> {
    const bytes = await readFile(path);
    const end = bytes.subarray(0, MAX_HEADER_BYTES).indexOf(0x0a);
    const header = parseHeader(bytes.subarray(0, Math.max(end, 0)).toString());
    const body = bytes.subarray(end + 1);
    const isWhole =
      header !== undefined &&
      body.length === header.keys.length * header.floats * 4 &&
      createHash('sha256').update(body).digest('hex') === header.sha256;
    if (!isWhole) {
      await rm(path, { force: true });
      return;
    }
    const file = openSync(path, 'r');
    this.#files.push(file);
    for (const [index, key] of header.keys.entries()) {
      this.#rows.set(key, { file, offset: end + 1 + index * header.floats * 4, floats: header.floats });
    }
  }

  #row(key: string): Row {
    const row = this.#rows.get(key);
    if (row === undefined) throw new Error(`no features for ${key}`);
    return row;
  }
}

function parseHeader(text: string): z.infer<typeof headerSchema> | undefined {
  try {
    return headerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
