/** One writer a folder: two chains cannot be one. */
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { LedgerError } from './error.ts';

export interface Lock {
  readonly release: () => Promise<void>;
}

/**
 * Takes the folder. A lock that a killed server left on this machine is taken over at once: its process, told by number
 * and time of start, is gone. Of another machine it is one that was not renewed for a minute.
 *
 * @throws LedgerError LEDGER_LOCKED
 */
export async function takeLock(dir: string, now: () => number): Promise<Lock> {
  const path = join(dir, FILE);
  const own = { host: hostname(), pid: process.pid, started: await startOf(process.pid), id: randomUUID() };
  const scratch = join(dir, `.${FILE}-${own.id}`);
  await writeFile(scratch, `${JSON.stringify(own)}\n`);
  try {
    if (!(await linked(scratch, path))) {
      await takeOver(path, now);
      if (!(await linked(scratch, path))) throw locked('another server was faster');
    }
  } finally {
    await rm(scratch, { force: true });
  }
  const renew = setInterval(() => {
    const at = now() / 1000;
    // Lost only with the whole folder, which the next entry finds out.
    void utimes(path, at, at).catch(() => undefined);
  }, RENEW_MS);
  renew.unref();
  return {
    release: async () => {
      clearInterval(renew);
      const holder = await holderOf(path);
      if (holder?.id === own.id) await rm(path, { force: true });
    },
  };
}

const FILE = 'writer.lock';
const RENEW_MS = 5_000;
const STALE_MS = 60_000;

const holderSchema = z.object({ host: z.string(), pid: z.int(), started: z.string(), id: z.string() });
type Holder = z.infer<typeof holderSchema>;

/** False where the lock is there already. */
async function linked(scratch: string, path: string): Promise<boolean> {
  try {
    await link(scratch, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function takeOver(path: string, now: () => number): Promise<void> {
  const holder = await holderOf(path);
  if (holder !== undefined && (await isAlive(holder, path, now))) {
    throw locked(`process ${holder.pid} of ${holder.host} writes here`);
  }
  // Two may find the same dead writer; only one of them can move its lock away, and it looks whether it was that one.
  const aside = `${path}-${randomUUID()}`;
  await rename(path, aside).catch(() => undefined);
  const moved = await holderOf(aside);
  if (moved !== undefined && moved.id !== holder?.id) {
    await link(aside, path).catch(() => undefined);
    await rm(aside, { force: true });
    throw locked('another server was faster');
  }
  await rm(aside, { force: true });
}

async function isAlive({ host, pid, started }: Holder, path: string, now: () => number): Promise<boolean> {
  if (host !== hostname()) {
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
    return now() - mtimeMs < STALE_MS;
  }
  return started !== '' && (await startOf(pid)) === started;
}

async function holderOf(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const parsed = holderSchema.safeParse(json(text));
  return parsed.success ? parsed.data : undefined;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Which start of the machine and which tick of it; '' where there is no such process. A number alone comes again. */
async function startOf(pid: number): Promise<string> {
  try {
    const handle = await open(`/proc/${pid}/stat`);
    try {
      const text = await handle.readFile('utf8');
      const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
      // The name of the command comes second, in brackets, and may hold spaces; the start is field 22 (proc(5)).
      const ticks = text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
      return `${boot} ${ticks}`;
    } finally {
      await handle.close();
    }
  } catch {
    return '';
  }
}

function locked(why: string): LedgerError {
  return new LedgerError('LEDGER_LOCKED', `${why}; each server needs a folder of its own`);
}
