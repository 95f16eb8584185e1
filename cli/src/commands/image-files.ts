/** Files in and out of `hilum inspect` and `hilum deidentify`: found one by one, written whole or not at all. */
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export type Found = { readonly path: string; readonly relative: string; readonly regular: boolean };

const MAX_DEPTH = 64;

/** Every entry below a folder that is no folder, in the order of names; one folder's names are held at a time. */
export async function* filesBelow(root: string, relative = '', depth = 0): AsyncGenerator<Found> {
  const entries = await readdir(join(root, relative), { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const below = join(relative, entry.name);
    if (entry.isDirectory() && depth < MAX_DEPTH) yield* filesBelow(root, below, depth + 1);
    // A link may lead out of the folder that was named, and around in circles.
    else yield { path: join(root, below), relative: below, regular: entry.isFile() };
  }
}

const MAX_FILE_BYTES = 1024 * 1024 * 1024;

/** `undefined`: larger than `MAX_FILE_BYTES`. */
export async function readWhole(path: string): Promise<Uint8Array | undefined> {
  return (await stat(path)).size > MAX_FILE_BYTES ? undefined : readFile(path);
}

/**
 * Under its name only once it is complete and on the disk. An existing file is never replaced.
 *
 * @returns false: another file with other bytes has the name
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  try {
    const file = await open(partial, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await publish(partial, path);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return Buffer.from(bytes).equals(await readFile(path));
  } finally {
    await rm(partial, { force: true });
  }
}

/** A hard link fails where the name is taken; rename() would replace. The file systems of memory sticks have none. */
async function publish(partial: string, path: string): Promise<void> {
  try {
    await link(partial, path);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'ENOSYS'].includes(codeOf(error))) throw error;
    const taken = await stat(path).then(
      () => true,
      () => false,
    );
    if (taken) throw Object.assign(new Error('taken', { cause: error }), { code: 'EEXIST' });
    await rename(partial, path);
  }
}

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
