/** `hilum push`: a folder (images, a model package) into a DVC remote, as `dvc add` and `dvc push` would. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { formatPointer, locateRemote, pushDataset } from '@hilum/trainer';
import { UsageError, type Io } from '../command.ts';
import { noMore, required } from '../flags.ts';
import { remoteAuth, repositoryOf, transferProgress } from '../transfer.ts';

interface Values {
  readonly dir?: string;
  readonly remote?: string;
  readonly pointer?: string;
  readonly json?: boolean;
}

export const pushCommand = {
  name: 'push',
  summary:
    'Stores a folder of images, or a model package, in a DVC remote, and says by which md5 it is pinned.',
  usage: 'hilum push --dir DIR [--remote URL|NAME] [--pointer FILE.dvc] [--json]',
  options: {
    dir: { type: 'string', description: 'folder to store; what the remote has already is not sent again' },
    remote: {
      type: 'string',
      description:
        'file:///…, http(s)://… or s3://…, or the name of one in .dvc/config; default its default one',
    },
    pointer: {
      type: 'string',
      description: 'write this .dvc file beside the folder, by which dvc and hilum find it',
    },
    json: { type: 'boolean', description: 'print pin and size as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const dir = resolve(required('dir', values.dir));
  const { pointer } = values;
  if (pointer !== undefined && !(pointer.endsWith('.dvc') && dirname(resolve(pointer)) === dirname(dir))) {
    throw new UsageError(`--pointer is a .dvc file in the folder that holds ${basename(dir)}`);
  }
  const pushed = await pushDataset({
    ...remoteAuth(process.env),
    ...(await remoteOf(values.remote, dir)),
    dir,
    signal: io.signal,
    onProgress: transferProgress(io.stderr, 'pushing'),
  });
  if (pointer !== undefined) {
    await mkdir(dirname(pointer), { recursive: true });
    await writeFile(pointer, formatPointer({ ...pushed, name: basename(dir) }));
  }
  const { md5, files, bytes } = pushed;
  const text = `${files} files, ${bytes} bytes are in the remote; pin ${md5}`;
  io.stdout.write(`${values.json === true ? JSON.stringify({ dir, ...pushed }) : text}\n`);
  return 0;
}

async function remoteOf(remote: string | undefined, dir: string): ReturnType<typeof locateRemote> {
  if (remote?.includes('://') === true) return { remote };
  const { repo } = await repositoryOf(dir);
  return locateRemote({ repo, ...(remote === undefined ? {} : { remote }) });
}
