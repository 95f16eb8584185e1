/** Files that are whole and on disk when the call returns. */
import { open, readFile, rename } from 'node:fs/promises';
import { TrainerError } from '../errors.ts';

export async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  await writeSynced(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

export async function writeSynced(path: string, content: Uint8Array | string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(content);
    await file.datasync();
  } catch (cause) {
    throw noSpace(cause, path);
  } finally {
    await file.close();
  }
}

export async function readText(path: string, fallback: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return fallback;
    throw error;
  }
}

export function noSpace(cause: unknown, path: string): unknown {
  if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') return cause;
  return new TrainerError('DISK_FULL', `no space is left for ${path}`, { cause });
}
