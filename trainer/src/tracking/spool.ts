/**
 * What MLflow is to be told, on disk before it is sent: a folder with
 *
 * - `journal`: a line an entry, `<crc32> <json>`, each synced to disk before the call that wrote it returns;
 * - `sent`: the number of the last entry that MLflow has; losing it costs repetition, not truth;
 * - `files/`: copies of small files;
 * - `runs.json`: which run of MLflow each `local-…` one became;
 * - `refused`: entries that MLflow will never take, with the reason;
 * - `lease`: the process that works on it.
 */
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm, rmdir, writeFile, type FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { TrainerError } from '../errors.ts';
import { noSpace, readText, replaceFile, writeSynced } from './durable-file.ts';
import { decodeLine, encodeLine, isSystem, type Entry, type Numbered } from './entry.ts';
import { takeLease, type Lease } from './lease.ts';

export interface SpoolOptions {
  /** Made where it is not there. */
  readonly dir: string;
  /** Of what waits, copies of files included; default 64 MiB. */
  readonly maxBytes?: number;
  /** Default 100,000: at an entry every 10 s, eleven days. */
  readonly maxEntries?: number;
}

const runSchema = z.object({ runId: z.string(), experimentId: z.string(), artifactUri: z.string() });
const runsSchema = z.record(z.string(), runSchema);
/** Where a run is in MLflow. */
export type KnownRun = z.infer<typeof runSchema>;

export class Spool {
  readonly dir: string;
  /** Of metrics of the machine, for want of room. */
  dropped = 0;
  readonly #limits: { readonly bytes: number; readonly entries: number };
  readonly #lease: Lease;
  readonly #runs: Map<string, KnownRun>;
  #waiting: Numbered[];
  #waitingBytes: number;
  #lastSeq: number;
  #journal: FileHandle;
  #journalBytes: number;
  /** Writers and the sender take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    options: SpoolOptions,
    lease: Lease,
    found: { readonly waiting: Numbered[]; readonly lastSeq: number; readonly runs: Map<string, KnownRun> },
    journal: FileHandle,
    journalBytes: number,
  ) {
    this.dir = resolve(options.dir);
    this.#limits = { bytes: options.maxBytes ?? 64 * 2 ** 20, entries: options.maxEntries ?? 100_000 };
    this.#lease = lease;
    this.#runs = found.runs;
    this.#waiting = found.waiting;
    this.#waitingBytes = bytesOf(found.waiting);
    this.#lastSeq = found.lastSeq;
    this.#journal = journal;
    this.#journalBytes = journalBytes;
  }

  /** Opens or makes the folder, with all that an earlier process left in it. */
  static async open(
    options: SpoolOptions,
    { now, signal }: { readonly now: () => number; readonly signal?: AbortSignal | undefined },
  ): Promise<Spool> {
    const dir = resolve(options.dir);
    await mkdir(join(dir, 'files'), { recursive: true });
    const lease = await takeLease(join(dir, 'lease'), now, signal);
    try {
      const found = await readFolder(dir);
      // Anew, without what was sent and what a crash tore.
      const journal = await writeJournal(dir, found.waiting);
      return new Spool(options, lease, found, journal.handle, journal.bytes);
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /** In the order in which they were told. */
  get waiting(): readonly Numbered[] {
    return this.#waiting;
  }

  runOf(key: string): KnownRun | undefined {
    return this.#runs.get(key);
  }

  /**
   * Keeps an entry, safely on disk when it returns; one of the machine's own metrics is dropped where there is no room.
   *
   * @param content of a file that the entry is about; its `kept` is filled in
   * @throws TrainerError TRACKING_UNREACHABLE where the spool is full, DISK_FULL where the disk is
   */
  append(entry: Entry, content?: Uint8Array): Promise<number> {
    return this.#alone(async () => {
      const seq = this.#lastSeq + 1;
      const kept = content === undefined ? {} : { kept: String(seq) };
      const told = { ...entry, ...kept } as Entry;
      const line = encodeLine({ seq, entry: told, bytes: 0 });
      // What could not be read back would be lost in silence.
      if (decodeLine(line) === undefined) throw new Error(`not an entry: ${line.slice(0, 500)}`);
      const numbered = { seq, entry: told, bytes: Buffer.byteLength(line) + (content?.length ?? 0) };
      if (!(await this.#makeRoom(numbered))) {
        this.dropped += 1;
        return seq;
      }
      if (content !== undefined) await writeSynced(join(this.dir, 'files', String(seq)), content);
      await this.#write(numbered);
      this.#lastSeq = seq;
      this.#waiting.push(numbered);
      this.#waitingBytes += numbered.bytes;
      return seq;
    });
  }

  /** MLflow has these. */
  sent(entries: readonly Numbered[]): Promise<void> {
    return this.#alone(async () => {
      await this.#forget(entries);
      for (const { entry } of entries) {
        if (entry.kind !== 'file' || entry.kept === undefined) continue;
        await rm(join(this.dir, 'files', entry.kept), { force: true });
      }
    });
  }

  /** MLflow will never take this one: it is set aside with the reason and its file, and the others are not held up. */
  refuse(refused: Numbered, reason: string): Promise<void> {
    return this.#alone(async () => {
      const line = JSON.stringify({ reason, ...(JSON.parse(encodeLine(refused)) as object) });
      await writeFile(join(this.dir, 'refused'), `${line}\n`, { flag: 'a' });
      await this.#forget([refused]);
    });
  }

  /** Remembered beyond this process: later entries name the run by `key`. */
  resolved(key: string, run: KnownRun): Promise<void> {
    return this.#alone(async () => {
      this.#runs.set(key, run);
      await replaceFile(join(this.dir, 'runs.json'), JSON.stringify(Object.fromEntries(this.#runs)));
    });
  }

  /** @returns whether everything was sent, so that the folder is gone */
  async close(): Promise<boolean> {
    return this.#alone(async () => {
      await this.#journal.close();
      const isDone = this.#waiting.length === 0 && !existsSync(join(this.dir, 'refused'));
      if (isDone) {
        for (const name of ['journal', 'sent', 'runs.json', 'files']) {
          await rm(join(this.dir, name), { recursive: true, force: true });
        }
      }
      await this.#lease.release();
      // It may hold things of others.
      if (isDone) await rmdir(this.dir).catch(() => undefined);
      return isDone;
    });
  }

  async #write(numbered: Numbered): Promise<void> {
    const line = lineOf(numbered);
    try {
      await this.#journal.appendFile(line);
      // The machine's load is not worth waiting for the disk.
      if (!isSystem(numbered)) await this.#journal.datasync();
      this.#journalBytes += line.length;
    } catch (cause) {
      // Half a line would spoil the next one.
      await this.#journal.truncate(this.#journalBytes).catch(() => undefined);
      throw noSpace(cause, this.dir);
    }
  }

  async #forget(entries: readonly Numbered[]): Promise<void> {
    this.#remove(new Set(entries.map(({ seq }) => seq)));
    // All before the first that waits were sent; those after it that were, too, are sent again after a crash.
    const upTo = (this.#waiting[0]?.seq ?? this.#lastSeq + 1) - 1;
    // Not synced: at worst some of it is told again.
    await writeFile(join(this.dir, 'sent.new'), String(upTo));
    await rename(join(this.dir, 'sent.new'), join(this.dir, 'sent'));
    const isLong = this.#journalBytes > 2 * this.#limits.bytes;
    if (isLong || (this.#waiting.length === 0 && this.#journalBytes > 2 ** 20)) await this.#rewrite();
  }

  /** @returns false where the entry itself is one to be dropped */
  async #makeRoom(numbered: Numbered): Promise<boolean> {
    if (this.#fits(numbered)) return true;
    if (isSystem(numbered)) return false;
    const system = this.#waiting.filter(isSystem);
    // The older half of them: not a rewritten journal for every entry.
    for (let rest = system.length; rest > 0 && !this.#fits(numbered);) {
      const oldest = new Set(system.splice(0, Math.ceil(rest / 2)).map(({ seq }) => seq));
      rest = system.length;
      this.dropped += oldest.size;
      this.#remove(oldest);
    }
    await this.#rewrite();
    if (this.#fits(numbered)) return true;
    const size = `${this.#waiting.length} entries, ${this.#waitingBytes} bytes`;
    const todo = `bring MLflow back; hilum track-sync --spool ${this.dir} sends what is kept`;
    throw new TrainerError(
      'TRACKING_UNREACHABLE',
      `MLflow has been away for so long that the spool is full (${size}); ${todo}`,
    );
  }

  #fits({ bytes }: Numbered): boolean {
    return this.#waiting.length < this.#limits.entries && this.#waitingBytes + bytes <= this.#limits.bytes;
  }

  #remove(seqs: ReadonlySet<number>): void {
    this.#waiting = this.#waiting.filter(({ seq }) => !seqs.has(seq));
    this.#waitingBytes = bytesOf(this.#waiting);
  }

  async #rewrite(): Promise<void> {
    await this.#journal.close();
    const { handle, bytes } = await writeJournal(this.dir, this.#waiting);
    this.#journal = handle;
    this.#journalBytes = bytes;
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

async function readFolder(
  dir: string,
): Promise<{ waiting: Numbered[]; lastSeq: number; runs: Map<string, KnownRun> }> {
  const sent = Number(await readText(join(dir, 'sent'), '0'));
  const lines = (await readText(join(dir, 'journal'), '')).split('\n');
  const all = lines.flatMap((line) => readLine(line) ?? []);
  const runs = runsSchema.safeParse(JSON.parse(await readText(join(dir, 'runs.json'), '{}')));
  return {
    waiting: all.filter(({ seq }) => seq > sent),
    lastSeq: Math.max(sent, ...all.slice(-1).map(({ seq }) => seq)),
    runs: new Map(Object.entries(runs.data ?? {})),
  };
}

/** A line that a crash cut, or a disk changed, is none: what was told since stays. */
function readLine(line: string): Numbered | undefined {
  const json = line.slice(9);
  return line.slice(0, 8) === checksum(json) ? decodeLine(json) : undefined;
}

function lineOf(numbered: Numbered): Buffer {
  const json = encodeLine(numbered);
  return Buffer.from(`${checksum(json)} ${json}\n`);
}

function bytesOf(entries: readonly Numbered[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

async function writeJournal(
  dir: string,
  entries: readonly Numbered[],
): Promise<{ readonly handle: FileHandle; readonly bytes: number }> {
  const path = join(dir, 'journal');
  const lines = Buffer.concat(entries.map(lineOf));
  await replaceFile(path, lines);
  return { handle: await open(path, 'a'), bytes: lines.length };
}
