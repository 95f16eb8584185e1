/** The real nodules of LIDC-IDRI for tests, read where they lie. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const DATA = resolve(import.meta.dirname, '../..', process.env['HILUM_DATA'] ?? '../shared/data');

export const LIDC = join(DATA, 'lidc-nodules');

/** Why tests on real images are skipped, or undefined where they are not. */
export const NO_DATA = existsSync(LIDC)
  ? undefined
  : `${LIDC} is not there; HILUM_DATA names the folder of real images`;

/** Makes `dir` a dataset of some patients, chosen by a hash of their name, with links to the real files. */
export async function lidcSubset(dir: string, patients: number): Promise<void> {
  const labels = ['benign', 'malignant'];
  const names = new Set((await Promise.all(labels.map((label) => readdir(join(LIDC, label))))).flat());
  const chosen = new Set([...names].toSorted((a, b) => (hash(a) < hash(b) ? -1 : 1)).slice(0, patients));
  for (const label of labels) {
    for (const entry of await readdir(join(LIDC, label), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(join(LIDC, '/').length);
      if (!entry.isFile() || !chosen.has(path.split('/')[1] ?? '')) continue;
      await mkdir(join(dir, path, '..'), { recursive: true });
      await symlink(join(LIDC, path), join(dir, path));
    }
  }
}

function hash(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}
