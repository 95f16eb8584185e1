/** The address of a dataset in a checked-out DVC repository → its pin and its remote, which is what is pulled. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join, posix, resolve } from 'node:path';
import { promisify } from 'node:util';
import { TrainerError } from '../errors.ts';
import { configuredRemote, type ConfiguredRemote } from './dvc-config.ts';
import { errnoOf } from './disk.ts';
import type { Layout } from './md5.ts';
import { parseLock, parsePointer, type Output } from './pointer.ts';

export interface DatasetAddress {
  /** Folder of the working tree that has `.dvc/`. */
  readonly repo: string;
  /** The data as tracked (`data/nodules`), or the `.dvc` file of it; relative to `repo`, with forward slashes. */
  readonly path: string;
  /** Commit, tag or branch at which to read the pointer: needs git, and the history in `repo`. Default: the files as they are. */
  readonly revision?: string;
  /** Name of a remote in `.dvc/config`; default the output's own, then `core.remote`. */
  readonly remote?: string;
  /** What the pointer must say. */
  readonly expectedMd5?: string;
  readonly signal?: AbortSignal;
}

/** What `pullDataset` takes. */
export interface LocatedDataset extends ConfiguredRemote {
  readonly md5: string;
  readonly layout: Layout;
  readonly executable: boolean;
  /** What to call it, where it is one file. */
  readonly name?: string;
  /** Full hash of the revision's commit. */
  readonly commit?: string;
}

/** @throws TrainerError DATASET_POINTER_INVALID, DATASET_MISSING, DATASET_MD5_MISMATCH, REMOTE_UNSUPPORTED, BAD_CONFIG */
export async function locateDataset(address: DatasetAddress): Promise<LocatedDataset> {
  const path = normal(address.path);
  const commit = address.revision === undefined ? undefined : await commitOf(address, address.revision);
  const tree = treeAt(address, commit);
  const output = await findOutput(tree, path);
  const { md5, layout, executable } = output;
  if (md5 === undefined || output.elsewhere !== undefined) {
    const why = output.elsewhere ?? 'it has no md5: run dvc commit';
    throw new TrainerError('DATASET_POINTER_INVALID', `${output.path} cannot be pulled: ${why}`);
  }
  if (address.expectedMd5 !== undefined && address.expectedMd5 !== md5) {
    throw new TrainerError(
      'DATASET_MD5_MISMATCH',
      `${output.path} is ${md5} in the repository, the run expects ${address.expectedMd5}`,
    );
  }
  return {
    ...(await remoteOf(address.repo, tree, address.remote ?? output.remote)),
    md5,
    layout,
    executable,
    ...(md5.endsWith('.dir') ? {} : { name: basename(output.path) }),
    ...(commit === undefined ? {} : { commit }),
  };
}

/**
 * A remote of a repository, to push to.
 *
 * @param remote its name; default `core.remote`
 * @throws TrainerError DATASET_POINTER_INVALID, REMOTE_UNSUPPORTED
 */
export function locateRemote({
  repo,
  remote,
}: Pick<DatasetAddress, 'repo' | 'remote'>): Promise<ConfiguredRemote> {
  return remoteOf(repo, treeAt({ repo, path: '.' }, undefined), remote);
}

async function remoteOf(repo: string, tree: Tree, name: string | undefined): Promise<ConfiguredRemote> {
  const dir = join(resolve(repo), '.dvc');
  const config = await tree('.dvc/config');
  // Never in a commit: git ignores it.
  const local = await readIfThere(join(dir, 'config.local'));
  return configuredRemote({ dir, config, local }, name);
}

/** Text of a file of the repository, or undefined where it is absent. */
type Tree = (path: string) => Promise<string | undefined>;

async function findOutput(tree: Tree, path: string): Promise<Output> {
  if (path.endsWith('.dvc')) {
    const text = await tree(path);
    if (text === undefined) throw new TrainerError('DATASET_MISSING', `the repository has no ${path}`);
    const [only, ...more] = parsePointer(text, path);
    if (only === undefined || more.length > 0) {
      throw new TrainerError(
        'DATASET_POINTER_INVALID',
        `${path} tracks several things: name one by its path`,
      );
    }
    return only;
  }
  const beside = await tree(`${path}.dvc`);
  const tracked = beside === undefined ? [] : parsePointer(beside, `${path}.dvc`);
  const found = [...tracked, ...(await locked(tree, path))].find((output) => output.path === path);
  if (found !== undefined) return found;
  throw new TrainerError(
    'DATASET_MISSING',
    `neither ${path}.dvc nor a dvc.lock on the way to ${path} tracks it; name it as dvc does, not a folder inside of it`,
  );
}

/** Outputs of the pipelines in the folders from the data up to the root. */
async function locked(tree: Tree, path: string): Promise<readonly Output[]> {
  const outputs: Output[] = [];
  let folder = path;
  do {
    folder = posix.dirname(folder);
    const file = posix.join(folder, 'dvc.lock');
    const text = await tree(file);
    if (text !== undefined)
      outputs.push(...parseLock(text, file, await tree(posix.join(folder, 'dvc.yaml'))));
  } while (folder !== '.');
  return outputs;
}

function normal(path: string): string {
  const clean = posix.normalize(path).replace(/\/+$/, '');
  if (clean === '.' || posix.isAbsolute(clean) || /^\.\.(\/|$)/.test(clean) || clean.includes('\0')) {
    throw new TrainerError(
      'BAD_CONFIG',
      'the path of a dataset is relative to its repository, and inside it',
    );
  }
  return clean;
}

function treeAt({ repo, signal }: DatasetAddress, commit: string | undefined): Tree {
  if (commit === undefined) return (path) => readIfThere(join(repo, path));
  return async (path) => {
    const listed = await git(repo, ['ls-tree', '--name-only', commit, '--', path], signal);
    // Both paths are relative to the folder, which may lie deep in git's repository.
    return listed === '' ? undefined : git(repo, ['cat-file', 'blob', `${commit}:./${path}`], signal);
  };
}

async function commitOf({ repo, signal }: DatasetAddress, revision: string): Promise<string> {
  try {
    const wanted = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
    return (await git(repo, wanted, signal)).trim();
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof TrainerError) throw cause;
    throw new TrainerError(
      'DATASET_MISSING',
      `${repo} has no commit ${revision}: fetch it first (a shallow clone has few)`,
      { cause },
    );
  }
}

const GIT_DEADLINE_MS = 30_000;
const MAX_TEXT_BYTES = 64 * 2 ** 20;

async function git(repo: string, args: readonly string[], signal?: AbortSignal): Promise<string> {
  const options = { signal, timeout: GIT_DEADLINE_MS, maxBuffer: MAX_TEXT_BYTES };
  try {
    return (await promisify(execFile)('git', ['-C', repo, ...args], options)).stdout;
  } catch (cause) {
    signal?.throwIfAborted();
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new TrainerError(
      'BAD_CONFIG',
      'a revision is read by git, which is not installed here: check the revision out, or give md5 and remote',
      { cause },
    );
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(cause) ?? '')) return undefined;
    throw new TrainerError('DATASET_MISSING', `${path} cannot be read`, { cause });
  }
}
