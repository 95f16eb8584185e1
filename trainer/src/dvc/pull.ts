/** A pinned dataset of a DVC remote → a folder that holds exactly it. */
import { chmod, constants, copyFile, mkdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TrainerError } from '../errors.ts';
import { directoryMd5, objectPath, parseDirectory, parseEntries, type DirectoryEntry } from './directory.ts';
import { diskError } from './disk.ts';
import { download, guarded, PARTS } from './download.ts';
import { listFiles } from './folder.ts';
import { fileMd5, type Layout } from './md5.ts';
import { inParallel } from './parallel.ts';
import { TRANSFERS, type TransferProgress } from './push.ts';
import { openRemote, type RemoteOptions } from './open-remote.ts';
import type { Remote } from './remote.ts';

export interface PullOptions extends RemoteOptions, PullRequest {
  /** `file:///…`, `http(s)://…` or `s3://bucket/prefix`. */
  readonly remote: string;
}

interface PullRequest {
  /** `<32 hex>.dir`, the pin of a folder, or 32 hex digits, that of one file. */
  readonly md5: string;
  /** Name of the one file in `into`, where `md5` pins a file. */
  readonly name?: string;
  /** Where in the remote objects lie; default `files`, the layout of DVC 3. */
  readonly layout?: Layout;
  /** The one file is a program. */
  readonly executable?: boolean;
  /** Made if absent. What is there and right is kept, so that a broken transfer goes on where it stopped. */
  readonly into: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

export interface PulledDataset {
  readonly files: number;
  readonly bytes: number;
}

/** Of names before 0.2, which lay beside their file. */
const OLD_PART = '.hilum-part';
const MAX_DIRECTORY_BYTES = 512 * 2 ** 20;

/**
 * Fetches a dataset and verifies every file by its md5. A file appears under its name only when it is whole.
 *
 * @throws TrainerError DATASET_MISSING, DATASET_MD5_MISMATCH, DATASET_MALFORMED, DATASET_DIRTY, DATASET_UNREACHABLE, DATASET_FORBIDDEN, REMOTE_UNSUPPORTED, DISK_FULL
 */
export async function pullDataset(options: PullOptions): Promise<PulledDataset> {
  return pullFrom(openRemote(options.remote, options), options);
}

/** `pullDataset` from a remote that is open. */
export async function pullFrom(remote: Remote, options: PullRequest): Promise<PulledDataset> {
  const { into, signal, layout = 'files' } = options;
  const entries = await readEntries(remote, options);
  if (entries.length === 0) throw new TrainerError('DATASET_EMPTY', `${options.md5} pins an empty folder`);
  try {
    await mkdir(into, { recursive: true });
    await clean(into, entries);
    await makeFolders(into, entries);
  } catch (cause) {
    throw diskError(cause, into);
  }

  const places = [...Map.groupBy(entries, (entry) => entry.md5)];
  let files = 0;
  let bytes = 0;
  try {
    await inParallel(places, TRANSFERS, async ([md5, [first, ...copies]]) => {
      if (first === undefined) return;
      signal?.throwIfAborted();
      const isIntact = async (path: string): Promise<boolean> =>
        (await isFile(path)) && (await fileMd5(path, { layout, signal })) === md5;
      const place = join(into, first.relpath);
      if (!(await isIntact(place)))
        await download(remote, { md5, layout, place, into, name: first.relpath, signal });
      // Equal files are one object; each gets a copy of its own, so that changing one never changes another.
      for (const { relpath } of copies) {
        const copy = join(into, relpath);
        if (!(await isIntact(copy))) await copyWhole(place, copy, into);
      }
      const { size } = await stat(place);
      files += 1 + copies.length;
      bytes += size * (1 + copies.length);
      options.onProgress?.({ files, totalFiles: entries.length, bytes });
    });
  } finally {
    // Half objects stay for the next try.
    await rmdir(join(into, PARTS)).catch(() => undefined);
  }
  if (options.executable === true) for (const { relpath } of entries) await chmod(join(into, relpath), 0o755);
  return { files, bytes };
}

async function readEntries(
  remote: Remote,
  { md5, name, layout = 'files', signal }: PullRequest,
): Promise<readonly DirectoryEntry[]> {
  if (!/^[0-9a-f]{32}(\.dir)?$/.test(md5)) {
    throw new TrainerError('BAD_CONFIG', 'a dataset is pinned by <32 hex>.dir, or one file by 32 hex digits');
  }
  if (md5.endsWith('.dir')) return parseDirectory(await readDirectory(remote, { md5, layout, signal }));
  if (name === undefined) {
    throw new TrainerError('DATASET_MALFORMED', `${md5} pins one file, and what to call it is not said`);
  }
  return parseEntries([{ md5, relpath: name }]);
}

interface DirectoryObject {
  readonly md5: string;
  readonly layout: Layout;
  readonly signal?: AbortSignal | undefined;
}

async function readDirectory(remote: Remote, { md5, layout, signal }: DirectoryObject): Promise<Buffer> {
  const body = await remote.read(objectPath(md5, layout), 0, signal);
  if (body === undefined) {
    throw new TrainerError(
      'DATASET_MISSING',
      `the remote has no object ${objectPath(md5, layout)}; was the dataset pushed?`,
    );
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of guarded(body.bytes, signal)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_DIRECTORY_BYTES)
      throw new TrainerError('DATASET_MALFORMED', `${md5} is larger than 512 MiB`);
  }
  const directory = Buffer.concat(chunks);
  if (directoryMd5(directory) !== md5) {
    throw new TrainerError(
      'DATASET_MD5_MISMATCH',
      `the object named ${md5} has the md5 ${directoryMd5(directory)}`,
    );
  }
  return directory;
}

/** Removes what a killed transfer left and nobody can use; refuses to train on files that the pin does not know. */
async function clean(into: string, entries: readonly DirectoryEntry[]): Promise<void> {
  const known = new Set(entries.map(({ relpath }) => relpath));
  const parts = new Set(entries.map(({ md5 }) => `${PARTS}/${md5}`));
  for (const path of await listFiles(into)) {
    if (known.has(path) || parts.has(path)) continue;
    if (!path.startsWith(`${PARTS}/`) && !path.endsWith(OLD_PART)) {
      throw new TrainerError('DATASET_DIRTY', `${into} holds ${path}, which is not part of the dataset`);
    }
    await rm(join(into, path), { force: true });
  }
}

/** A link that is already there must not lead a file out of the target. */
async function makeFolders(into: string, entries: readonly DirectoryEntry[]): Promise<void> {
  const root = await realpath(into);
  for (const folder of new Set(entries.map(({ relpath }) => dirname(relpath)))) {
    const path = join(into, folder);
    await mkdir(path, { recursive: true });
    if ((await realpath(path)) !== join(root, folder)) {
      throw new TrainerError('DATASET_DIRTY', `${path} is reached through a link, which leads elsewhere`);
    }
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

async function copyWhole(from: string, place: string, into: string): Promise<void> {
  const scratch = `${place}${OLD_PART}`;
  try {
    // Shares the blocks where the file system can.
    await copyFile(from, scratch, constants.COPYFILE_FICLONE);
    await rename(scratch, place);
  } catch (cause) {
    await rm(scratch, { force: true });
    throw diskError(cause, into);
  }
}
