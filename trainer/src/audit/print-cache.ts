/** Fingerprints of images that were decoded before, by the digest of their file: a warm audit decodes nothing. */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** What an image is compared by. */
export interface Print {
  /** Hex sha256 of what it shows. */
  readonly pixels: string;
  /** THUMB_BYTES levels. */
  readonly thumb: Uint8Array;
}

export const THUMB_BYTES = 64 * 64;

interface Place {
  readonly file: FileHandle;
  readonly at: number;
}

const SUFFIX = '.prints';
/** The number grows with every change of how an image is decoded or a print is made. */
const MAGIC = Buffer.from('hilum prints 1\n\n', 'latin1');
const KEY_BYTES = 32;
const CHECK_BYTES = 8;
const RECORD_BYTES = KEY_BYTES + THUMB_BYTES + CHECK_BYTES;
/** As many datasets as are worked on at a time; older ones are read anew. */
const MAX_FILES = 8;
/** Of all files together: a quarter of a million images. */
const MAX_BYTES = 2 ** 30;
const RECORDS_AT_ONCE = 256;

/**
 * Files of `[magic, keys, records]`, each of all images of one audit. A record that is not as it was written is none.
 * The cache is a help and no more: a folder that cannot be read or written makes the audit slower, and nothing else.
 */
export class PrintCache {
  readonly #dir: string;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #files: ReadonlyMap<string, FileHandle>;

  private constructor(
    dir: string,
    places: ReadonlyMap<string, Place>,
    files: ReadonlyMap<string, FileHandle>,
  ) {
    this.#dir = dir;
    this.#places = places;
    this.#files = files;
  }

  static async open(dir: string): Promise<PrintCache> {
    const names = await readdir(dir).catch(() => []);
    const places = new Map<string, Place>();
    const files = new Map<string, FileHandle>();
    for (const name of names.filter((one) => one.endsWith(SUFFIX)).slice(0, MAX_FILES)) {
      const file = await open(join(dir, name)).catch(() => undefined);
      if (file === undefined) continue;
      files.set(name, file);
      const keys = await keysOf(file);
      const start = MAGIC.length + keys.length * KEY_BYTES;
      for (const [index, key] of keys.entries()) places.set(key, { file, at: start + index * RECORD_BYTES });
    }
    return new PrintCache(dir, places, files);
  }

  /** @param key hex sha256 of the file of an image */
  async find(key: string): Promise<Print | undefined> {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    const record = Buffer.alloc(RECORD_BYTES);
    const { bytesRead } = await place.file.read(record, 0, RECORD_BYTES, place.at);
    const content = record.subarray(0, KEY_BYTES + THUMB_BYTES);
    if (bytesRead < RECORD_BYTES || !checkOf(key, content).equals(record.subarray(content.length))) {
      return undefined;
    }
    return { pixels: content.toString('hex', 0, KEY_BYTES), thumb: content.subarray(KEY_BYTES) };
  }

  /** Keeps the prints of one audit, by the key of their image, and as many of earlier ones as there is room for. */
  async keep(prints: ReadonlyMap<string, Print>): Promise<void> {
    const bytes = MAGIC.length + prints.size * (KEY_BYTES + RECORD_BYTES);
    if (bytes > MAX_BYTES || [...prints.keys()].every((key) => this.#places.has(key))) return;
    try {
      await mkdir(this.#dir, { recursive: true });
      const name = await write(this.#dir, prints);
      await this.#prune(name, prints, bytes);
    } catch {
      // The audit is done; what could not be kept is computed again.
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
  }

  /** Removes what the newest file holds too, and then the oldest. */
  async #prune(newest: string, prints: ReadonlyMap<string, Print>, bytes: number): Promise<void> {
    const older: { readonly name: string; readonly size: number; readonly writtenMs: number }[] = [];
    for (const [name, file] of this.#files) {
      if (name === newest) continue;
      const isHeld = (await keysOf(file)).every((key) => prints.has(key));
      if (isHeld) {
        await rm(join(this.#dir, name), { force: true });
        continue;
      }
      const { size, mtimeMs } = await stat(join(this.#dir, name));
      older.push({ name, size, writtenMs: mtimeMs });
    }
    let [files, held] = [1, bytes];
    for (const { name, size } of older.toSorted((a, b) => b.writtenMs - a.writtenMs)) {
      files += 1;
      held += size;
      if (files > MAX_FILES || held > MAX_BYTES) await rm(join(this.#dir, name), { force: true });
    }
  }
}

/** Hex keys of a file, none where it is cut or of another kind. */
async function keysOf(file: FileHandle): Promise<readonly string[]> {
  const { size } = await file.stat();
  const count = (size - MAGIC.length) / (KEY_BYTES + RECORD_BYTES);
  if (!Number.isInteger(count) || count < 1) return [];
  const head = Buffer.alloc(MAGIC.length + count * KEY_BYTES);
  await file.read(head, 0, head.length, 0);
  if (!head.subarray(0, MAGIC.length).equals(MAGIC)) return [];
  return Array.from({ length: count }, (_, index) => {
    const at = MAGIC.length + index * KEY_BYTES;
    return head.toString('hex', at, at + KEY_BYTES);
  });
}

/** Whole under its name, or not at all. The same images have the same name. */
async function write(dir: string, prints: ReadonlyMap<string, Print>): Promise<string> {
  const keys = Buffer.concat([...prints.keys()].map((key) => Buffer.from(key, 'hex')));
  const name = `${createHash('sha256').update(keys).digest('hex')}${SUFFIX}`;
  const unfinished = join(dir, `${name}.part`);
  const file = await open(unfinished, 'w');
  try {
    await file.writeFile(Buffer.concat([MAGIC, keys]));
    let batch: Buffer[] = [];
    for (const [key, { pixels, thumb }] of prints) {
      const content = Buffer.concat([Buffer.from(pixels, 'hex'), thumb]);
      batch.push(content, checkOf(key, content));
      if (batch.length < 2 * RECORDS_AT_ONCE) continue;
      await file.writeFile(Buffer.concat(batch));
      batch = [];
    }
    await file.writeFile(Buffer.concat(batch));
  } finally {
    await file.close();
  }
  await rename(unfinished, join(dir, name));
  return name;
}

function checkOf(key: string, content: Uint8Array): Buffer {
  return createHash('sha256').update(key).update(content).digest().subarray(0, CHECK_BYTES);
}
