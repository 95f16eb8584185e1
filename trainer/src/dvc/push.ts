/** A folder → a DVC remote, as `dvc add` and `dvc push` would. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryMd5, formatDirectory, objectPath, parseEntries } from './directory.ts';
import { hashFolder } from './folder.ts';
import { inParallel } from './parallel.ts';
import { openRemote, type RemoteOptions } from './open-remote.ts';

/** How far a transfer is; `bytes` counts what went over the wire or was found in place. */
export interface TransferProgress {
  readonly files: number;
  readonly totalFiles: number;
  readonly bytes: number;
}

export interface PushOptions extends RemoteOptions {
  readonly dir: string;
  /** `file:///…`, `http(s)://…` or `s3://bucket/prefix`. */
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
 * @throws TrainerError DATASET_MISSING, DATASET_EMPTY, DATASET_MALFORMED, DATASET_UNREACHABLE, DATASET_FORBIDDEN, REMOTE_UNSUPPORTED, DISK_FULL
 */
export async function pushDataset(options: PushOptions): Promise<PushedDataset> {
  const { dir, signal } = options;
  const remote = openRemote(options.remote, options);
  const files = await hashFolder(dir, TRANSFERS, signal);
  parseEntries(files); // what nobody could pull is not pushed
  const unique = [...new Map(files.map((file) => [file.md5, file])).values()];
  let done = 0;
  let bytes = 0;
  await inParallel(unique, TRANSFERS, async (file) => {
    signal?.throwIfAborted();
    const path = objectPath(file.md5);
    if (!(await remote.has(path, signal))) {
      await remote.write(path, { file: join(dir, file.relpath), md5: file.md5, bytes: file.bytes }, signal);
    }
    done += 1;
    bytes += file.bytes;
    options.onProgress?.({ files: done, totalFiles: unique.length, bytes });
  });
  const directory = formatDirectory(files);
  const md5 = directoryMd5(directory);
  const scratch = await mkdtemp(join(tmpdir(), 'hilum-dvc-'));
  try {
    const file = join(scratch, 'dir');
    await writeFile(file, directory);
    if (!(await remote.has(objectPath(md5), signal))) {
      const source = { file, md5: md5.slice(0, 32), bytes: directory.length };
      await remote.write(objectPath(md5), source, signal);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return { md5, files: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
}

/** The pin that `dvc add` would give a folder. */
export async function datasetMd5(dir: string, signal?: AbortSignal): Promise<string> {
  return directoryMd5(formatDirectory(await hashFolder(dir, TRANSFERS, signal)));
}
