/** A pinned dataset of a DVC remote → a folder that holds exactly it. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TrainerError } from '../errors.ts';
import { directoryMd5, objectPath, parseDirectory } from './directory.ts';
import { inParallel } from './parallel.ts';
import { fileMd5, listFiles, TRANSFERS, type TransferProgress } from './push.ts';
import { openRemote, type Remote, type RemoteOptions } from './remote.ts';

export interface PullOptions extends RemoteOptions {
  /** `file:///…` or `http(s)://…`. */
  readonly remote: string;
  /** `<32 hex>.dir`, the pin. */
  readonly md5: string;
  /** Made if absent. What is there and right is kept, so that a broken transfer goes on where it stopped. */
  readonly into: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

const SCRATCH = '.hilum-part';
/** An object whose body breaks off is asked for this often; a remote that gives no answer at all is retried below that. */
const BODY_ATTEMPTS = 3;
const MAX_DIRECTORY_BYTES = 512 * 2 ** 20;

/**
 * Fetches a dataset and verifies every file by its md5. A file appears under its name only when it is whole.
 *
 * @throws TrainerError DATASET_MISSING, DATASET_MD5_MISMATCH, DATASET_MALFORMED, DATASET_DIRTY, DATASET_UNREACHABLE, DATASET_FORBIDDEN, REMOTE_UNSUPPORTED
 */
export async function pullDataset(
  options: PullOptions,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const { into, signal } = options;
  const remote = openRemote(options.remote, options);
  const entries = parseDirectory(await readDirectory(remote, options.md5, signal));
  if (entries.length === 0) throw new TrainerError('DATASET_EMPTY', `${options.md5} pins an empty folder`);
  await mkdir(into, { recursive: true });
  await clean(into, new Set(entries.map((entry) => entry.relpath)));

  const places = [...Map.groupBy(entries, (entry) => entry.md5)];
  let files = 0;
  let bytes = 0;
  await inParallel(places, TRANSFERS, async ([md5, [first, ...copies]]) => {
    if (first === undefined) return;
    signal?.throwIfAborted();
    const place = join(into, first.relpath);
    if (!(await isIntact(place, md5, signal)))
      await fetchObject(remote, { md5, place, name: first.relpath, signal });
    // Equal files are one object; each gets a copy of its own, so that changing one never changes another.
    for (const { relpath } of copies) {
      const copy = join(into, relpath);
      if (!(await isIntact(copy, md5, signal))) await appear(copy, (scratch) => copyFile(place, scratch));
    }
    const { size } = await stat(place);
    files += 1 + copies.length;
    bytes += size * (1 + copies.length);
    options.onProgress?.({ files, totalFiles: entries.length, bytes });
  });
  return { files, bytes };
}

async function readDirectory(remote: Remote, md5: string, signal?: AbortSignal): Promise<Buffer> {
  const body = await remote.read(objectPath(md5), signal);
  if (body === undefined) {
    throw new TrainerError(
      'DATASET_MISSING',
      `the remote has no object ${objectPath(md5)}; was the dataset pushed?`,
    );
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of guarded(body, signal)) {
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

/** Removes what a killed transfer left; refuses to train on files that the pin does not know. */
async function clean(into: string, known: ReadonlySet<string>): Promise<void> {
  for (const path of await listFiles(into)) {
    if (path.endsWith(SCRATCH)) await rm(join(into, path), { force: true });
    else if (!known.has(path)) {
      throw new TrainerError('DATASET_DIRTY', `${into} holds ${path}, which is not part of the dataset`);
    }
  }
}

async function isIntact(path: string, md5: string, signal?: AbortSignal): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info?.isFile() === true && (await fileMd5(path, signal)) === md5;
}

interface Fetch {
  readonly md5: string;
  readonly place: string;
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

async function fetchObject(remote: Remote, { md5, place, name, signal }: Fetch): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await appear(place, (scratch) => download(remote, { md5, place: scratch, name, signal }));
      return;
    } catch (error) {
      const broken = error instanceof TrainerError && error.code === 'DATASET_UNREACHABLE';
      if (!broken || attempt === BODY_ATTEMPTS) throw error;
    }
  }
}

async function download(remote: Remote, { md5, place, name, signal }: Fetch): Promise<void> {
  const body = await remote.read(objectPath(md5), signal);
  if (body === undefined) {
    throw new TrainerError('DATASET_MISSING', `the remote has no object ${objectPath(md5)} (${name})`);
  }
  const hash = createHash('md5');
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of guarded(body, signal)) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(hashed, createWriteStream(place), { signal });
  const got = hash.digest('hex');
  if (got !== md5)
    throw new TrainerError('DATASET_MD5_MISMATCH', `${name} has the md5 ${got}, pinned is ${md5}`);
}

/** A transfer that breaks in the middle is the remote's trouble, and worth another try. */
async function* guarded(body: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TrainerError('DATASET_UNREACHABLE', 'the remote broke off in the middle of an object', {
      cause,
    });
  }
}

async function appear(place: string, write: (scratch: string) => Promise<void>): Promise<void> {
  const scratch = `${place}${SCRATCH}`;
  await mkdir(dirname(place), { recursive: true });
  try {
    await write(scratch);
    await rename(scratch, place);
  } catch (error) {
    await rm(scratch, { force: true });
    throw error;
  }
}
