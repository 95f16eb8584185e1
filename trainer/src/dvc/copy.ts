/** A folder as it lies → another that holds exactly it, by the way that a pull takes. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { TrainerError } from '../errors.ts';
import { directoryMd5, formatDirectory, objectPath, parseEntries } from './directory.ts';
import { hashFolder } from './folder.ts';
import { pullFrom, type PulledDataset } from './pull.ts';
import { TRANSFERS, type TransferProgress } from './push.ts';
import type { Remote } from './remote.ts';

export interface CopyOptions {
  readonly dir: string;
  /** Made if absent. What is there and right is kept; what is not of `dir` is refused. */
  readonly into: string;
  /** What the pin of `dir` must be. */
  readonly expectedMd5?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

/**
 * Copies every file and verifies it; gives the pin that `dvc add` would give.
 *
 * @throws TrainerError DATASET_MISSING, DATASET_EMPTY, DATASET_MALFORMED, DATASET_DIRTY, DATASET_MD5_MISMATCH also where a file changes meanwhile, DISK_FULL
 */
export async function copyDataset({
  dir,
  expectedMd5,
  ...options
}: CopyOptions): Promise<PulledDataset & { readonly md5: string }> {
  const files = await hashFolder(dir, TRANSFERS, options.signal);
  parseEntries(files);
  const directory = formatDirectory(files);
  const md5 = directoryMd5(directory);
  if (expectedMd5 !== undefined && expectedMd5 !== md5) {
    throw new TrainerError('DATASET_MD5_MISMATCH', `${dir} is ${md5}, not ${expectedMd5}`);
  }
  const places = new Map(files.map((file) => [objectPath(file.md5), join(dir, file.relpath)]));
  return {
    md5,
    ...(await pullFrom(folderAsRemote(places, objectPath(md5), directory), { ...options, md5 })),
  };
}

function folderAsRemote(places: ReadonlyMap<string, string>, list: string, directory: Buffer): Remote {
  return {
    read: async (path, from, signal) => {
      if (path === list) return { from: 0, bytes: new Blob([Uint8Array.from(directory)]).stream() };
      const place = places.get(path);
      return place === undefined
        ? undefined
        : { from, bytes: createReadStream(place, { start: from, signal }) };
    },
    has: async (path) => path === list || places.has(path),
    write: () => Promise.reject(new TrainerError('INTERNAL', 'a copy only reads')),
  };
}
