/** The files of a folder, as DVC sees them. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TrainerError } from '../errors.ts';
import { fileMd5 } from './md5.ts';
import { inParallel } from './parallel.ts';

interface HashedFile {
  readonly md5: string;
  readonly relpath: string;
  readonly bytes: number;
}

/** @throws TrainerError DATASET_MISSING, DATASET_EMPTY */
export async function hashFolder(
  dir: string,
  hands: number,
  signal?: AbortSignal,
): Promise<readonly HashedFile[]> {
  const paths = await listFiles(dir);
  if (paths.length === 0) throw new TrainerError('DATASET_EMPTY', `${dir} holds no file`);
  const files: HashedFile[] = [];
  await inParallel(paths, hands, async (relpath) => {
    signal?.throwIfAborted();
    const path = join(dir, relpath);
    files.push({ relpath, md5: await fileMd5(path, { signal }), bytes: (await stat(path)).size });
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
