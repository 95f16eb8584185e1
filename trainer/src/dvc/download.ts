/** One object → one file: streamed beside it, verified, then renamed; a transfer that breaks goes on where it stopped. */
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TrainerError } from '../errors.ts';
import { objectPath } from './directory.ts';
import { diskError } from './disk.ts';
import { hashFile, newMd5, type Layout } from './md5.ts';
import type { Remote } from './remote.ts';

/** Folder of half objects inside the target, so that the last rename never crosses a file system. */
export const PARTS = '.hilum-part';

/** An object that gains not a byte is asked for this often; a remote that gives no answer is retried below that. */
const FRUITLESS_ATTEMPTS = 3;

export interface Download {
  readonly md5: string;
  readonly layout: Layout;
  /** Its path in the dataset, for messages. */
  readonly name: string;
  /** Where it goes. Its folder is there. */
  readonly place: string;
  /** The target folder. */
  readonly into: string;
  readonly signal?: AbortSignal | undefined;
}

/** @throws TrainerError DATASET_MISSING, DATASET_MD5_MISMATCH, DATASET_UNREACHABLE, DATASET_FORBIDDEN, DISK_FULL */
export async function download(remote: Remote, object: Download): Promise<void> {
  const part = join(object.into, PARTS, object.md5);
  await mkdir(join(object.into, PARTS), { recursive: true });
  let fruitless = 0;
  for (;;) {
    const before = await sizeOf(part);
    try {
      const { md5, from } = await fetchInto(remote, object, part);
      if (md5 === object.md5) break;
      await rm(part, { force: true });
      // A rotten first half is ours; a whole object that is wrong is the remote's.
      if (from === 0) {
        throw new TrainerError(
          'DATASET_MD5_MISMATCH',
          `${object.name} has the md5 ${md5}, pinned is ${object.md5}`,
        );
      }
    } catch (cause) {
      object.signal?.throwIfAborted();
      const error = diskError(cause, object.into);
      if (!(error instanceof TrainerError) || error.code !== 'DATASET_UNREACHABLE') throw error;
      fruitless = (await sizeOf(part)) > before ? 0 : fruitless + 1;
      if (fruitless === FRUITLESS_ATTEMPTS) throw error;
    }
  }
  await rename(part, object.place);
}

/** @returns the md5 of all that is now in `part`, and from where it was fetched */
async function fetchInto(
  remote: Remote,
  { md5, layout, name, signal }: Download,
  part: string,
): Promise<{ readonly md5: string; readonly from: number }> {
  const body = await remote.read(objectPath(md5, layout), await sizeOf(part), signal);
  if (body === undefined) {
    throw new TrainerError(
      'DATASET_MISSING',
      `the remote has no object ${objectPath(md5, layout)} (${name})`,
    );
  }
  const hash = newMd5(layout);
  if (body.from > 0) await hashFile(part, hash, signal);
  // Not a pipeline into a stream: where the source breaks, that would drop what is not yet on the disk.
  const file = await open(part, body.from > 0 ? 'a' : 'w');
  try {
    for await (const chunk of guarded(body.bytes, signal)) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return { md5: hash.digest(), from: body.from };
}

/** A transfer that breaks in the middle is the remote's trouble, and worth another try. */
export async function* guarded(
  bytes: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TrainerError('DATASET_UNREACHABLE', 'the remote broke off in the middle of an object', {
      cause,
    });
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
