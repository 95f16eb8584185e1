/** `hilum fetch`: images that DVC tracks, pulled and verified; or a folder as it lies. */
import { readdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { copyDataset, locateDataset, pullDataset, type PullOptions } from '@hilum/trainer';
import { UsageError, type Io } from '../command.ts';
import { noMore, required } from '../flags.ts';
import { remoteAuth, repositoryOf, transferProgress } from '../transfer.ts';

interface Values {
  readonly target?: string;
  readonly rev?: string;
  readonly remote?: string;
  readonly md5?: string;
  readonly name?: string;
  readonly into?: string;
  readonly json?: boolean;
}

export const fetchCommand = {
  name: 'fetch',
  summary: 'Fetches images from a DVC remote into a folder, verifies every file, and goes on where it broke.',
  usage:
    'hilum fetch --target images.dvc|PATH --into DIR [--rev REV] [--remote NAME] [--md5 MD5]\n' +
    'hilum fetch --remote URL --md5 MD5 --into DIR',
  options: {
    target: {
      type: 'string',
      description: 'a .dvc file, what one or a dvc.lock tracks, or any folder, which is copied',
    },
    rev: { type: 'string', description: 'commit, tag or branch at which to read the pointer' },
    remote: {
      type: 'string',
      description: 'file:///…, http(s)://… or s3://…; with --target the name of one in .dvc/config',
    },
    md5: { type: 'string', description: 'the pin: <32 hex>.dir; with --target what it must be, default any' },
    name: { type: 'string', description: 'what to call it, where the pin is of one file' },
    into: { type: 'string', description: 'folder; what is there and right is kept' },
    json: { type: 'boolean', description: 'print pin and size as one JSON object' },
  },
  run,
} as const;

interface Fetched {
  readonly md5: string;
  readonly files: number;
  readonly bytes: number;
  readonly commit?: string;
}

async function run(
  { md5: asked, ...others }: Values,
  positionals: readonly string[],
  io: Io,
): Promise<number> {
  noMore(positionals);
  const values = { ...others, ...(asked === undefined || asked === 'any' ? {} : { md5: asked }) };
  const into = resolve(required('into', values.into));
  const fetched = await fetchInto(into, values, io);
  const { md5, files, bytes } = fetched;
  const text = `${files} files, ${bytes} bytes in ${into}, verified; pin ${md5}`;
  io.stdout.write(`${values.json === true ? JSON.stringify({ into, ...fetched }) : text}\n`);
  return 0;
}

async function fetchInto(into: string, values: Values, io: Io): Promise<Fetched> {
  const { signal } = io;
  const onProgress = transferProgress(io.stderr, 'fetching');
  if (values.target === undefined) {
    const remote = required('remote', values.remote);
    const md5 = required('md5', values.md5);
    const { name } = values;
    const options: PullOptions = { remote, md5, into, signal, onProgress, ...remoteAuth(process.env) };
    return { md5, ...(await pullDataset(name === undefined ? options : { ...options, name })) };
  }
  const { target, rev: revision, remote, md5: expectedMd5 } = values;
  if (revision === undefined && remote === undefined && (await isFolder(target))) {
    await refuseInside(into, resolve(target));
    const pin = expectedMd5 === undefined ? {} : { expectedMd5 };
    return copyDataset({ dir: target, into, signal, onProgress, ...pin });
  }
  const { repo, path } = await repositoryOf(target);
  const { commit, ...located } = await locateDataset({
    repo,
    path,
    signal,
    ...(revision === undefined ? {} : { revision }),
    ...(remote === undefined ? {} : { remote }),
    ...(expectedMd5 === undefined ? {} : { expectedMd5 }),
  });
  const pulled = await pullDataset({ ...remoteAuth(process.env), ...located, into, signal, onProgress });
  return { md5: located.md5, ...pulled, ...(commit === undefined ? {} : { commit }) };
}

async function isFolder(path: string): Promise<boolean> {
  return (
    (await stat(path).catch(() => undefined))?.isDirectory() === true && (await readdir(path)).length > 0
  );
}

async function refuseInside(into: string, target: string): Promise<void> {
  if (into !== target && !into.startsWith(`${target}/`)) return;
  throw new UsageError('--into lies in --target, which would copy itself');
}
