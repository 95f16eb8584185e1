/** `hilum phantom`: synthetic chest CT studies, for those who have no images at hand. */
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writePhantomStudies } from '@hilum/trainer';
import { UsageError, type Io } from '../command.ts';
import { integer, noMore, required } from '../flags.ts';

interface Values {
  readonly out?: string;
  readonly patients?: string;
  readonly slices?: string;
  readonly seed?: string;
  readonly json?: boolean;
}

export const phantomCommand = {
  name: 'phantom',
  summary:
    'Writes SYNTHETIC chest CT studies as DICOM. They show that software runs, and nothing about disease.',
  usage: 'hilum phantom --out DIR [--patients N] [--slices N] [--seed N]',
  options: {
    out: {
      type: 'string',
      description: 'folder for <label>/<patient>/<slice>.dcm; an earlier set there is replaced',
    },
    patients: { type: 'string', description: 'in all, half of them malignant; default 24' },
    slices: { type: 'string', description: 'of each patient; default 4' },
    seed: { type: 'string', description: 'the same seed gives the same bytes; default 7' },
    json: { type: 'boolean', description: 'print what was written as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const dir = resolve(required('out', values.out));
  const patients = integer('patients', values.patients, { fallback: 24, min: 6, max: 10_000 });
  const slices = integer('slices', values.slices, { fallback: 4, min: 1, max: 1000 });
  const seed = integer('seed', values.seed, { fallback: 7, min: 0, max: 2 ** 31 - 1 });
  await removeEarlier(dir);
  await writePhantomStudies({ dir, patients, slices, seed, signal: io.signal });
  const written = { dir, patients, slices: patients * slices, synthetic: true };
  const text = `${written.slices} SYNTHETIC slices of ${patients} drawn patients in ${dir}; no person was involved.`;
  io.stdout.write(`${values.json === true ? JSON.stringify(written) : text}\n`);
  return 0;
}

/** A set of other patients would be trained on as well; and what is no such set is somebody's own. */
async function removeEarlier(dir: string): Promise<void> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw new UsageError(`--out ${dir} is not a folder that can be written to`, { cause: error });
    },
  );
  const files = entries.filter((entry) => !entry.isDirectory());
  const ours = files.every(({ name, parentPath }) =>
    parentPath === dir ? name === 'README.txt' : /\/SYNTHETIC-\d+-\d+$/.test(parentPath),
  );
  if (!ours) throw new UsageError(`--out ${dir} holds other files; name another folder`);
  for (const label of ['benign', 'malignant']) await rm(join(dir, label), { recursive: true, force: true });
}
