/** A DVC remote in a folder, as a mounted volume is. */
import { createReadStream } from 'node:fs';
import { chmod, constants, copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { diskError, errnoOf } from './disk.ts';
import { TrainerError } from '../errors.ts';
import type { Remote } from './remote.ts';

export function folderRemote(root: string): Remote {
  return {
    read: async (path, from, signal) => {
      const size = await sizeOf(join(root, path));
      if (size === undefined) return undefined;
      const start = from < size ? from : 0;
      return { from: start, bytes: createReadStream(join(root, path), { start, signal }) };
    },
    has: async (path) => (await sizeOf(join(root, path))) !== undefined,
    write: async (path, { file }, signal) => {
      const place = join(root, path);
      // Two that push at once write the same bytes, each to a name of its own.
      const scratch = `${place}.${process.pid}.tmp`;
      try {
        signal?.throwIfAborted();
        await mkdir(dirname(place), { recursive: true });
        await copyFile(file, scratch, constants.COPYFILE_FICLONE);
        // The mode of the source is that of its owner's working tree; the remote is everybody's, and nothing in it changes.
        await chmod(scratch, 0o444);
        await rename(scratch, place);
      } catch (cause) {
        await rm(scratch, { force: true });
        signal?.throwIfAborted();
        throw diskError(cause, 'the remote');
      }
    },
  };
}

/** Bytes of a file, or undefined where there is none. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const info = await stat(path);
    return info.isFile() ? info.size : undefined;
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(cause) ?? '')) return undefined;
    throw new TrainerError('DATASET_UNREACHABLE', `${path} cannot be read`, { cause });
  }
}
