/** One process at a time works on a spool: the right to it, renewed while it is alive. */
import { randomBytes } from 'node:crypto';
import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { TrainerError } from '../errors.ts';

/** Renewed three times as often. A pod that follows another on the same volume cannot ask whether that one is alive. */
const STALE_MS = 15_000;
const ASK_AGAIN_MS = 250;

export interface Lease {
  release(): Promise<void>;
}

/**
 * Waits until the holder ends or has been silent for 15 s.
 *
 * @throws TrainerError BAD_CONFIG where it is alive after 30 s: two runs were given one folder
 */
export async function takeLease(
  file: string,
  now: () => number,
  signal: AbortSignal | undefined,
): Promise<Lease> {
  const mine = JSON.stringify({ host: hostname(), pid: process.pid, id: randomBytes(8).toString('hex') });
  const deadline = now() + 2 * STALE_MS;
  for (;;) {
    const taken = await writeFile(file, mine, { flag: 'wx' }).then(
      () => true,
      (error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      },
    );
    if (taken) break;
    if (await isOver(file)) await rm(file, { force: true });
    else if (now() > deadline) {
      throw new TrainerError('BAD_CONFIG', `another run works on ${file}; give each run a spool of its own`);
    } else await sleep(ASK_AGAIN_MS, undefined, { signal });
  }
  // By the clock of the file system, as it judges the age as well.
  const renew = setInterval(() => {
    const time = new Date();
    utimes(file, time, time).catch(() => undefined);
  }, STALE_MS / 3).unref();
  return {
    release: async () => {
      clearInterval(renew);
      if ((await readFile(file, 'utf8').catch(() => '')) === mine) await rm(file, { force: true });
    },
  };
}

async function isOver(file: string): Promise<boolean> {
  const [text, info] = await Promise.all([
    readFile(file, 'utf8').catch(() => undefined),
    stat(file).catch(() => undefined),
  ]);
  if (text === undefined || info === undefined) return false; // just released
  if (Date.now() - info.mtimeMs > STALE_MS) return true;
  const holder = /^\{"host":"(?<host>[^"]*)","pid":(?<pid>\d+)/.exec(text)?.groups;
  if (holder?.['host'] !== hostname()) return false;
  try {
    process.kill(Number(holder['pid']), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
