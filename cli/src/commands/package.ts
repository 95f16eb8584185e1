/** `hilum package`: a verified model with the papers about it, as one folder that can be handed on. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { openPackage } from '@hilum/model';
import { UsageError, type Io } from '../command.ts';
import { noMore, required } from '../flags.ts';

interface Values {
  readonly model?: string;
  readonly evaluation?: string;
  readonly out?: string;
  readonly json?: boolean;
}

export const packageCommand = {
  name: 'package',
  summary:
    'Verifies a model package and puts it, with its evaluation, under one list of digests. Research use only, not for diagnosis.',
  usage: 'hilum package --model DIR --out DIR [--evaluation DIR] [--json]',
  options: {
    model: { type: 'string', description: 'folder of the model package, of hilum train' },
    evaluation: { type: 'string', description: 'folder of what hilum evaluate wrote; put beside the model' },
    out: { type: 'string', description: 'folder to make; one that hilum package made there is replaced' },
    json: { type: 'boolean', description: 'print digest and files as one JSON object' },
  },
  run,
} as const;

/** As `sha256sum --check` reads it. */
const SUMS = 'SHA256SUMS';
const DIGEST = 'DIGEST';

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const model = required('model', values.model);
  const out = resolve(required('out', values.out));
  await refuseOtherContent(out);
  const { digest } = await openPackage(model);
  const scratch = join(dirname(out), `.${basename(out)}.building-${process.pid}`);
  try {
    await mkdir(scratch, { recursive: true });
    await cp(model, join(scratch, 'model'), { recursive: true, dereference: true });
    if (values.evaluation !== undefined) {
      await cp(values.evaluation, join(scratch, 'evaluation'), { recursive: true, dereference: true });
    }
    // What is handed on is what was copied, not what it was copied from.
    await openPackage(join(scratch, 'model'));
    await writeFile(join(scratch, DIGEST), `${digest}\n`);
    const sums = await sumsOf(scratch, io.signal);
    await writeFile(join(scratch, SUMS), sums.map(({ sha256, file }) => `${sha256}  ${file}\n`).join(''));
    await rm(out, { recursive: true, force: true });
    await rename(scratch, out);
    const text = `${sums.length} files in ${out}; model ${digest}\nResearch use only, not for diagnosis.`;
    io.stdout.write(`${values.json === true ? JSON.stringify({ out, digest, files: sums.length }) : text}\n`);
    return 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function refuseOtherContent(dir: string): Promise<void> {
  const names: readonly string[] = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new UsageError(`--out ${dir} is not a folder that can be written to`, { cause: error });
  });
  if (names.length === 0 || (names.includes(SUMS) && names.includes(DIGEST))) return;
  throw new UsageError(`--out ${dir} holds other files; name another folder`);
}

interface Sum {
  readonly sha256: string;
  readonly file: string;
}

async function sumsOf(dir: string, signal: AbortSignal): Promise<readonly Sum[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sums: Sum[] = [];
  for (const path of paths) {
    signal.throwIfAborted();
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    sums.push({ sha256: hash.digest('hex'), file: relative(dir, path).split(sep).join('/') });
  }
  return sums.toSorted((a, b) => (a.file < b.file ? -1 : 1));
}
