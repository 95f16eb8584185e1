/** Where the model package goes. */
import { mkdir, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TrainerError } from './errors.ts';

/**
 * A typing mistake must not delete somebody's folder or file.
 *
 * @throws TrainerError OUTPUT_NOT_EMPTY unless there is nothing yet, an empty folder or a model package
 */
export async function refuseOtherContent(dir: string): Promise<void> {
  const names: readonly string[] = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    const why = error.code === 'ENOTDIR' ? 'is not a folder' : `cannot be read (${error.code})`;
    throw new TrainerError('OUTPUT_NOT_EMPTY', `${dir} ${why}; name another folder`, { cause: error });
  });
  if (names.length === 0 || names.includes('MLmodel')) return;
  throw new TrainerError(
    'OUTPUT_NOT_EMPTY',
    `${dir} holds files that are not a model package; name another folder`,
  );
}

/**
 * Makes the folder that will hold the package, before anything is computed.
 *
 * One folder at a time: Node's recursive mkdir spins for ever where a folder cannot be made below one that exists, as
 * under /proc.
 *
 * @throws TrainerError OUTPUT_UNWRITABLE
 */
export async function makeParent(path: string): Promise<void> {
  const parent = dirname(path);
  try {
    await mkdir(parent);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(parent) === parent) throw unwritable(parent, error);
    await makeParent(parent);
    await mkdir(parent).catch((again: NodeJS.ErrnoException) => {
      if (again.code !== 'EEXIST') throw unwritable(parent, again);
    });
  }
}

function unwritable(dir: string, cause: unknown): TrainerError {
  const { code } = cause as NodeJS.ErrnoException;
  return new TrainerError('OUTPUT_UNWRITABLE', `${dir} cannot be made (${code}); name another folder`, {
    cause,
  });
}
