/** A folder → a DVC remote, as `dvc add` and `dvc push` would. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TrainerError } from '../errors.ts';
import { directoryMd5, formatDirectory, objectPath } from './directory.ts';
import { inParallel } from './parallel.ts';
import { openRemote, type RemoteOptions } from './remote.ts';

/** How far a transfer is; `bytes` counts what went over the wire or was found in place. */
export interface TransferProgress {
  readonly files: number;
  readonly totalFiles: number;
  readonly bytes: number;
}

export interface PushOptions extends RemoteOptions {
  readonly dir: string;
  /** `file:///…` or `http(s)://…`. */
  readonly remote: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

export interface PushedDataset {
  /** `<32 hex>.dir`, the pin. */
  readonly md5: string;
  readonly files: number;
  readonly bytes: number;
}

export const TRANSFERS = 8;

/**
 * Stores every file of `dir` and, last, the directory object; objects that are there already are not sent again.
 *
 * @throws TrainerError DATASET_MISSING, DATASET_EMPTY, DATASET_UNREACHABLE, DATASET_FORBIDDEN, REMOTE_UNSUPPORTED
 */
export async function pushDataset(options: PushOptions): Promise<PushedDataset> {
  const { dir, signal } = options;
  const remote = openRemote(options.remote, options);
  const files = await hashFolder(dir, signal);
  const unique = [...new Map(files.map((file) => [file.md5, file])).values()];
  let done = 0;
  let bytes = 0;
  await inParallel(unique, TRANSFERS, async (file) => {
    signal?.throwIfAborted();
    const path = objectPath(file.md5);
    if (!(await remote.has(path, signal))) await remote.write(path, join(dir, file.relpath), signal);
    done += 1;
    bytes += file.bytes;
    options.onProgress?.({ files: done, totalFiles: unique.length, bytes });
  });
  const directory = formatDirectory(files);
  const md5 = directoryMd5(directory);
  const scratch = await mkdtemp(join(tmpdir(), 'hilum-dvc-'));
  try {
    await writeFile(join(scratch, 'dir'), directory);
    if (!(await remote.has(objectPath(md5), signal)))
      await remote.write(objectPath(md5), join(scratch, 'dir'), signal);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return { md5, files: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
}

/** The pin that `dvc add` would give a folder. */
export async function datasetMd5(dir: string, signal?: AbortSignal): Promise<string> {
  return directoryMd5(formatDirectory(await hashFolder(dir, signal)));
}

/** Lower-case hex md5 of a file's bytes. */
export async function fileMd5(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('md5');
  for await (const chunk of createReadStream(path, { signal })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

interface HashedFile {
  readonly md5: string;
  readonly relpath: string;
  readonly bytes: number;
}

async function hashFolder(dir: string, signal?: AbortSignal): Promise<readonly HashedFile[]> {
  const paths = await listFiles(dir);
  if (paths.length === 0) throw new TrainerError('DATASET_EMPTY', `${dir} holds no file`);
  const files: HashedFile[] = [];
  await inParallel(paths, TRANSFERS, async (relpath) => {
    signal?.throwIfAborted();
    const path = join(dir, relpath);
    files.push({ relpath, md5: await fileMd5(path, signal), bytes: (await stat(path)).size });
  });
  return files;
}

/** All files under a folder, relative and with forward slashes, in no particular order. */
export async function listFiles(dir: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true });
    const found: string[] = [];
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() && !(entry.isSymbolicLink() && (await stat(path)).isFile())) continue;
      found.push(path.slice(join(dir, '/').length));
    }
    return found;
  } catch (cause) {
    throw new TrainerError('DATASET_MISSING', `${dir} cannot be read`, { cause });
  }
}
