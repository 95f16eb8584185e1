/** One file of a package → the disk; a download that broke off goes on where it stands. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError } from '@hilum/store';
import { GaveUp } from '../readiness.ts';
import { reasonOf } from './reason.ts';
import type { Found } from './source.ts';

export interface ListedFile {
  /** Relative to the package, with `/`; safe. */
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
}

export interface ResumeOptions {
  /** What is on the disk grew by so many bytes, or shrank. */
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** A file that gains not a byte is asked for this often, before the whole attempt ends and pauses. */
const FRUITLESS_ATTEMPTS = 3;
/** What is wrong from first byte to last is fetched once more: the way may have been at fault. */
const WRONG_ATTEMPTS = 2;

/**
 * `path` may hold the beginning of the file, from whenever; after it, all of it, verified.
 *
 * @throws GaveUp DIGEST_MISMATCH, PACKAGE_INCOMPLETE; what `read` throws; errors of the file system
 */
export async function fetchFile(
  read: Found['read'],
  file: ListedFile,
  path: string,
  options: ResumeOptions,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  let fruitless = 0;
  for (let wrong = 0; ;) {
    const before = await sizeOf(path);
    try {
      if (before < file.bytes || !(await exists(path))) await append(read, file, path, options);
    } catch (error) {
      options.signal.throwIfAborted();
      fruitless = (await sizeOf(path)) > before ? 0 : fruitless + 1;
      if (!isBroken(error) || fruitless === FRUITLESS_ATTEMPTS) throw error;
      continue;
    }
    if ((await sha256Of(path, options.signal)) === file.sha256) return;
    options.onBytes(-(await sizeOf(path)));
    await rm(path);
    wrong += 1;
    if (wrong === WRONG_ATTEMPTS) {
      throw new GaveUp('DIGEST_MISMATCH', `${file.path} does not have the sha256 that the manifest says`);
    }
  }
}

export async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

async function append(
  read: Found['read'],
  file: ListedFile,
  path: string,
  { onBytes, signal }: ResumeOptions,
): Promise<void> {
  const have = await sizeOf(path);
  const body = await read(file.path, have, signal);
  if (body === undefined) throw new GaveUp('PACKAGE_INCOMPLETE', `the source has no ${file.path}`);
  if (body.from < have) {
    await truncate(path, body.from);
    onBytes(body.from - have);
  }
  let size = body.from;
  // Not a pipeline into a stream: where the source breaks, that would drop what is not yet on the disk.
  const handle = await open(path, 'a');
  try {
    for await (const chunk of guarded(body.bytes, signal)) {
      await handle.writeFile(chunk);
      size += chunk.length;
      onBytes(chunk.length);
      // Longer than listed: the digest will say so. Nobody fills our disk.
      if (size > file.bytes) return;
    }
  } finally {
    await handle.close();
  }
  // A connection that ends early looks like the end of a body without a length.
  if (size < file.bytes)
    throw new StoreError('STORE_UNREACHABLE', `${file.path} ended after ${size} of ${file.bytes} bytes`);
}

async function* guarded(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (cause) {
    signal.throwIfAborted();
    if (reasonOf(cause) !== undefined) throw cause;
    throw new StoreError('STORE_UNREACHABLE', 'the source broke off in the middle of a file', { cause });
  }
}

/** The next try may go on from here. */
function isBroken(error: unknown): boolean {
  const reason = reasonOf(error);
  return reason === 'SOURCE_UNREACHABLE' || reason === 'TRACKING_UNREACHABLE';
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 2 ** 18 })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}
