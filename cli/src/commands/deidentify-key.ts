/** The key of `hilum deidentify`: a file of its own, because what is on a command line stands in every process list. */
import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { MIN_KEY_BYTES } from '@hilum/imaging';
import { type Io, UsageError } from '../command.ts';

const NEW_KEY_BYTES = 32;
const OTHERS_MAY_READ = 0o077;

/**
 * Reads `keyFile`, or makes `newKey`, which must not exist yet, for its owner alone. One of the two is needed.
 *
 * @throws UsageError
 */
export async function deidentificationKey(
  { keyFile, newKey }: { readonly keyFile: string | undefined; readonly newKey: string | undefined },
  io: Io,
): Promise<Uint8Array> {
  if ((keyFile === undefined) === (newKey === undefined)) {
    throw new UsageError(
      'give --key-file FILE, or --new-key FILE the first time: one key keeps a study together',
    );
  }
  if (newKey !== undefined) return makeKey(newKey);
  const path = keyFile ?? '';
  const text = await readFile(path, 'latin1').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--key-file ${path} cannot be read (${String(error.code)})`);
  });
  const hex = text.trim();
  if (!/^([\da-f]{2})+$/i.test(hex) || hex.length < MIN_KEY_BYTES * 2) {
    throw new UsageError(`--key-file ${path} holds no key of ${MIN_KEY_BYTES} bytes or more in hexadecimal`);
  }
  if (((await stat(path)).mode & OTHERS_MAY_READ) !== 0) {
    io.stderr.write(
      `warning: others may read ${path}; chmod 600 it: who has the key can check a guessed name\n`,
    );
  }
  return Buffer.from(hex, 'hex');
}

async function makeKey(path: string): Promise<Uint8Array> {
  const key = randomBytes(NEW_KEY_BYTES);
  try {
    await writeFile(path, `${key.toString('hex')}\n`, { flag: 'wx', mode: 0o600, flush: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'EEXIST') throw new UsageError(`--new-key ${path} is there already; use it with --key-file`);
    throw new UsageError(`--new-key ${path} cannot be written (${code})`);
  }
  return key;
}
