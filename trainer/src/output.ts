/** Where the model package goes. */
import { readdir } from 'node:fs/promises';
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
