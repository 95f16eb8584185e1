/** Writes the ledger: one line after the other, each chained to the one before it, in files that are not too large. */
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerError } from '../errors.ts';
import { type Head, type NewEntry, seal } from './entry.ts';
import { LedgerError } from './error.ts';
import { START, cut, endOf, fileOf, readHead, writeHead } from './folder.ts';
import type { Ledger } from './ledger.ts';
import { takeLock } from './lock.ts';

export interface LedgerOptions {
  /** Made where it is not there; of this server alone. */
  readonly dir: string;
  /** `each`: an entry is on the disk before its answer goes out; `second`: within a second of it. */
  readonly sync: 'each' | 'second';
  /** A file that reached this many bytes is not gone on with; nor is one of another day. */
  readonly maxFileBytes: number;
  /** Entries that may wait, but those of one request always may; more fail. */
  readonly limit?: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** One a state, not one an entry: what happened, with the end of the chain, which is worth keeping elsewhere. */
  readonly onEvent?: (event: LedgerEvent) => void;
}

export interface LedgerEvent {
  readonly type: 'opened' | 'repaired' | 'rotated' | 'failed' | 'recovered' | 'closed';
  readonly seq: number;
  readonly hash: string;
  readonly error?: unknown;
}

interface Asked {
  readonly entries: readonly NewEntry[];
  readonly resolve: () => void;
  readonly reject: (error: ServerError) => void;
}

/** A file that is being written. */
interface Page {
  readonly handle: FileHandle;
  readonly name: string;
  readonly day: string;
  bytes: number;
}

/**
 * Takes the folder, cuts off the line that a killed server left half-written, and says so in the ledger.
 *
 * @throws LedgerError LEDGER_LOCKED, LEDGER_DAMAGED, LEDGER_UNUSABLE
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { dir, sync, now, maxFileBytes, limit = 10_000, onEvent } = options;
  const lock = await usable(dir, async () => {
    await mkdir(dir, { recursive: true });
    return takeLock(dir, now);
  });
  let head: Head = START;
  let page: Page | undefined;
  /** Where the file that is written ends, as far as it was answered for. */
  let answered: { readonly name: string; readonly bytes: number } | undefined;
  /** The file has to be looked at before the next write. */
  let isBroken = false;
  /** Since the last write that went well. */
  let isFailing = false;
  let isDirty = false;
  const waiting: Asked[] = [];
  let waitingEntries = 0;
  let pump: Promise<void> | undefined;

  const tell = (type: LedgerEvent['type'], error?: unknown): void =>
    onEvent?.({ type, ...head, ...(error !== undefined && { error }) });

  const settle = async (): Promise<void> => {
    if (!isDirty || page === undefined) return;
    isDirty = false;
    const { seq, hash } = head;
    await page.handle.datasync();
    // After the lines that it speaks of: it must never be ahead of them.
    await writeHead(dir, { seq, hash });
  };

  const turnPage = async (day: string): Promise<Page> => {
    if (page !== undefined && page.day === day && page.bytes < maxFileBytes) return page;
    const isFirst = page === undefined;
    await settle();
    await page?.handle.close();
    page = undefined;
    const name = fileOf(head.seq + 1);
    page = { handle: await open(join(dir, name), 'a'), name, day, bytes: 0 };
    answered = { name, bytes: 0 };
    if (!isFirst) tell('rotated');
    return page;
  };

  /** All or nothing: what a failed write left is cut off again. */
  const write = async (entries: readonly NewEntry[]): Promise<void> => {
    const time = new Date(now()).toISOString();
    const current = await turnPage(time.slice(0, 10));
    let next = head;
    const lines = entries.map((entry) => {
      const { line, head: after } = seal(entry, next, time);
      next = after;
      return `${line}\n`;
    });
    const text = Buffer.from(lines.join(''));
    await current.handle.appendFile(text);
    if (sync === 'each') {
      await current.handle.datasync();
      await writeHead(dir, next);
    }
    // From here on they count as written; what failed before this is cut off again.
    current.bytes += text.length;
    answered = { name: current.name, bytes: current.bytes };
    head = next;
    isDirty = sync !== 'each';
  };

  /** At the start, and after a write that failed. */
  const recover = async (): Promise<void> => {
    await page?.handle.close().catch(() => undefined);
    page = undefined;
    // Lines of a write that failed were never answered for: back to those that were.
    if (answered !== undefined) await cut(join(dir, answered.name), answered.bytes);
    const { last, file } = await endOf(dir);
    await assertWhole(dir, last);
    head = last === undefined ? START : { seq: last.seq, hash: last.hash };
    if (file === undefined) return;
    const path = join(dir, file.name);
    const gone = await cut(path, file.bytes);
    const day = (last?.time ?? new Date(now()).toISOString()).slice(0, 10);
    page = { handle: await open(path, 'a'), name: file.name, day, bytes: file.bytes };
    answered = { name: file.name, bytes: file.bytes };
    if (gone === undefined) return;
    await write([{ kind: 'repair', ...gone }]);
    tell('repaired');
  };

  const fail = (cause: unknown): void => {
    if (!isFailing) tell('failed', cause);
    isFailing = true;
    isBroken = true;
  };

  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = waiting.splice(0, 256);
      const entries = group.flatMap((asked) => asked.entries);
      waitingEntries -= entries.length;
      try {
        if (isBroken) await recover();
        isBroken = false;
        await write(entries);
        if (isFailing) tell('recovered');
        isFailing = false;
        for (const { resolve } of group) resolve();
      } catch (cause) {
        fail(cause);
        for (const { reject } of group)
          reject(new ServerError('LEDGER_FAILED', undefined, { cause, retryAfterSeconds: 5 }));
      }
    }
    pump = undefined;
  };

  try {
    await usable(dir, recover);
    // From the first moment: a folder without it is one from which it was taken.
    await usable(dir, async () => writeHead(dir, head));
  } catch (error) {
    await lock.release();
    throw error;
  }
  tell('opened');
  const timer = setInterval(() => {
    if (pump === undefined && !isBroken) pump = settleAlone();
  }, 1_000);
  timer.unref();
  async function settleAlone(): Promise<void> {
    try {
      await settle();
    } catch (cause) {
      fail(cause);
    }
    await work();
  }

  let isClosed = false;
  return {
    append: (entries) =>
      new Promise((resolve, reject) => {
        if (isClosed || (waitingEntries > 0 && waitingEntries + entries.length > limit)) {
          reject(new ServerError('LEDGER_FAILED', 'too much waits for the ledger', { retryAfterSeconds: 1 }));
          return;
        }
        waitingEntries += entries.length;
        waiting.push({ entries, resolve, reject });
        pump ??= work();
      }),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      clearInterval(timer);
      await pump;
      if (!isBroken) await settle().catch((error: unknown) => tell('failed', error));
      await page?.handle.close().catch(() => undefined);
      await lock.release();
      tell('closed');
    },
  };
}

/** The lines must reach to where the head says that they did. */
async function assertWhole(dir: string, last: Head | undefined): Promise<void> {
  const head = await readHead(dir);
  if (head === undefined && last !== undefined) {
    throw new LedgerError('LEDGER_DAMAGED', 'head.json is gone; hilum ledger verify says what is there');
  }
  if (head === undefined || head.seq <= (last?.seq ?? 0)) return;
  throw new LedgerError('LEDGER_DAMAGED', `entries end at ${last?.seq ?? 0}; head.json says ${head.seq}`);
}

/** What the disk refuses, as an error that says so. */
async function usable<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof LedgerError || !(cause instanceof Error)) throw cause;
    throw new LedgerError('LEDGER_UNUSABLE', `${dir}: ${cause.message}`, { cause });
  }
}
