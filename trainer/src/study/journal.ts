/**
 * What a long piece of work has done so far, as lines of JSON at the end of a file.
 *
 * A line is on the disk before `append` returns, so a process that is killed loses at most the line that it was
 * writing; what is left of that line is cut off when the file is next opened.
 */
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { diskError } from '../dvc/disk.ts';
import { TrainerError } from '../errors.ts';

export interface JournalOptions<Line> {
  readonly path: string;
  /** What the work is: it stands in the first line, and a journal of another work is refused. Survives JSON. */
  readonly about: unknown;
  readonly line: z.ZodType<Line>;
}

export class Journal<Line> {
  /** What was there when the journal was opened. */
  readonly lines: readonly Line[];
  readonly #handle: FileHandle;
  readonly #path: string;
  #bytes: number;
  #last: Promise<void> = Promise.resolve();

  private constructor(handle: FileHandle, path: string, bytes: number, lines: readonly Line[]) {
    this.#handle = handle;
    this.#path = path;
    this.#bytes = bytes;
    this.lines = lines;
  }

  /** @throws TrainerError JOURNAL_MALFORMED, JOURNAL_DIFFERS, DISK_FULL, OUTPUT_UNWRITABLE */
  static async open<Line>({ path, about, line }: JournalOptions<Line>): Promise<Journal<Line>> {
    const handle = await openForAppend(path);
    try {
      const { whole, bytes } = wholeLines(await handle.readFile(), path);
      await handle.truncate(bytes);
      const [head, ...rest] = whole;
      const wanted: unknown = JSON.parse(JSON.stringify({ journal: 1, about }));
      if (head !== undefined && !isDeepStrictEqual(head, wanted)) {
        throw new TrainerError(
          'JOURNAL_DIFFERS',
          `${path} is the journal of other work${differing(head, wanted)}; name another folder, or remove it`,
        );
      }
      const lines = rest.map((value, index) => {
        const parsed = line.safeParse(value);
        if (!parsed.success) throw malformed(path, index + 2, parsed.error);
        return parsed.data;
      });
      const journal = new Journal(handle, path, bytes, lines);
      if (head === undefined) await journal.#write(wanted);
      return journal;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Returns when the line is on the disk; lines land in the order of the calls.
   *
   * @throws TrainerError JOURNAL_IN_USE where another process writes to the same file, DISK_FULL
   */
  append(line: Line): Promise<void> {
    return this.#write(line);
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
    await this.#handle.close();
  }

  #write(line: unknown): Promise<void> {
    // After a line that failed none follows: it may have left a part of itself at the end of the file.
    this.#last = this.#last.then(() => this.#writeNow(line));
    return this.#last;
  }

  async #writeNow(line: unknown): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    try {
      const { size } = await this.#handle.stat();
      if (size !== this.#bytes) {
        throw new TrainerError(
          'JOURNAL_IN_USE',
          `another process writes to ${this.#path}; end one of the two`,
        );
      }
      await this.#handle.appendFile(bytes);
      await this.#handle.datasync();
    } catch (cause) {
      throw diskError(cause, dirname(this.#path));
    }
    this.#bytes += bytes.length;
  }
}

async function openForAppend(path: string): Promise<FileHandle> {
  try {
    await mkdir(dirname(path), { recursive: true });
    return await open(path, 'a+');
  } catch (cause) {
    throw new TrainerError('OUTPUT_UNWRITABLE', `${path} cannot be made or written`, { cause });
  }
}

/** @returns the lines, and where the last whole one ends */
function wholeLines(
  content: Buffer,
  path: string,
): { readonly whole: readonly unknown[]; readonly bytes: number } {
  const whole: unknown[] = [];
  let start = 0;
  for (let end = content.indexOf(0x0a); end >= 0; end = content.indexOf(0x0a, start)) {
    const value = parsed(content.toString('utf8', start, end));
    const isLast = end + 1 === content.length;
    if (value === undefined) {
      // A machine that lost its power may have kept the length of the last line and not its bytes.
      if (isLast) break;
      throw malformed(path, whole.length + 1);
    }
    whole.push(value);
    start = end + 1;
  }
  return { whole, bytes: start };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function malformed(path: string, line: number, cause?: unknown): TrainerError {
  return new TrainerError('JOURNAL_MALFORMED', `line ${line} of ${path} cannot be read`, { cause });
}

/** Which entry of `about` is another one. */
function differing(head: unknown, wanted: unknown): string {
  const [there, here] = [aboutOf(head), aboutOf(wanted)];
  const names = [...new Set([...Object.keys(there), ...Object.keys(here)])];
  const other = names.filter((name) => !isDeepStrictEqual(there[name], here[name]));
  return other.length === 0 ? '' : ` (${other.join(', ')})`;
}

function aboutOf(head: unknown): Readonly<Record<string, unknown>> {
  if (typeof head !== 'object' || head === null || !('about' in head)) return {};
  const { about } = head;
  return typeof about === 'object' && about !== null ? { ...about } : {};
}
