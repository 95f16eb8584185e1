/** Checkpoints in a folder, as on a volume of the pod. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError, errnoOf } from '../dvc/disk.ts';
import { TrainerError } from '../errors.ts';
import { checkpointsOn, type CheckpointStore } from './store.ts';

/** @param dir made where it is not there; no two runs may have the same at the same time */
export function folderCheckpoints(dir: string): CheckpointStore {
  return checkpointsOn({
    read: async (name) => {
      await dropUnfinished(dir, name);
      try {
        return await readFile(join(dir, name));
      } catch (cause) {
        if (errnoOf(cause) === 'ENOENT') return undefined;
        throw refused(dir, 'read', cause);
      }
    },
    write: async (name, parts, signal) => {
      const scratch = join(dir, `${name}.${randomUUID()}${UNFINISHED}`);
      try {
        await mkdir(dir, { recursive: true });
        await writeDown(scratch, parts, signal);
        await rename(scratch, join(dir, name));
        await flushNames(dir);
      } catch (cause) {
        await rm(scratch, { force: true }).catch(() => undefined); // the first error is the one that says why
        signal?.throwIfAborted();
        throw refused(dir, 'written', cause);
      }
    },
    remove: async (name) => {
      await dropUnfinished(dir, name);
      await rm(join(dir, name), { force: true }).catch((cause: unknown) => {
        throw refused(dir, 'cleared', cause);
      });
    },
  });
}

const UNFINISHED = '.unfinished';

/** Down to the disk itself: after the rename, a machine that loses its power must not find an empty file. */
async function writeDown(path: string, parts: readonly Uint8Array[], signal?: AbortSignal): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for (const part of parts) {
      signal?.throwIfAborted();
      await file.writeFile(part);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function flushNames(dir: string): Promise<void> {
  const names = await open(dir, 'r');
  try {
    await names.sync();
  } finally {
    await names.close();
  }
}

/** What a process left that was killed while it wrote. */
async function dropUnfinished(dir: string, name: string): Promise<void> {
  const entries: readonly string[] = await readdir(dir).catch(() => []);
  for (const entry of entries) {
    if (!entry.startsWith(`${name}.`) || !entry.endsWith(UNFINISHED)) continue;
    await rm(join(dir, entry), { force: true }).catch(() => undefined); // it is only in the way of room
  }
}

function refused(dir: string, done: string, cause: unknown): unknown {
  const full = diskError(cause, dir);
  if (full !== cause) return full;
  const code = errnoOf(cause);
  if (code === undefined) return cause;
  return new TrainerError('CHECKPOINT_UNREACHABLE', `checkpoints in ${dir} cannot be ${done} (${code})`, {
    cause,
  });
}
