/** The files of a ledger: lines in `ledger-SEQ.ndjson`, and where the chain ends in `head.json`. */
import { open, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Entry, GENESIS, type Head, entrySchema, hashOf, sha256 } from './entry.ts';
import { LedgerError } from './error.ts';

const NAME = /^ledger-(\d{12})\.ndjson$/;
const headSchema = z.strictObject({ seq: z.int().nonnegative(), hash: z.string().regex(/^[0-9a-f]{64}$/) });

export const START: Head = { seq: 0, hash: GENESIS };

/** The file that begins with entry `seq`. */
export function fileOf(seq: number): string {
  return `ledger-${String(seq).padStart(12, '0')}.ndjson`;
}

/** The number of a file's first entry, or undefined for the name of something else. */
export function firstOf(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** In the order of their entries. */
export async function filesOf(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir);
  return names.filter((name) => NAME.test(name)).toSorted();
}

/** undefined where there is none. Throws LedgerError LEDGER_DAMAGED. */
export async function readHead(dir: string): Promise<Head | undefined> {
  const text = await readFile(join(dir, HEAD), 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return headSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new LedgerError('LEDGER_DAMAGED', `${HEAD} cannot be read`, { cause });
  }
}

/** In one step: a reader sees the old one or the new one. */
export async function writeHead(dir: string, { seq, hash }: Head): Promise<void> {
  const scratch = join(dir, `.${HEAD}`);
  await writeFile(scratch, `${JSON.stringify({ seq, hash })}\n`);
  await rename(scratch, join(dir, HEAD));
}

const HEAD = 'head.json';

/** How the lines of a folder end. */
export interface End {
  /** The last whole entry; undefined where there is none. */
  readonly last: Entry | undefined;
  /** The file to go on with, and how much of it are whole lines; undefined where there is no file. */
  readonly file: { readonly name: string; readonly bytes: number; readonly torn: number } | undefined;
}

/**
 * Reads the last line of the last file that has one.
 *
 * @throws LedgerError LEDGER_DAMAGED where it is no entry
 */
export async function endOf(dir: string): Promise<End> {
  const names = await filesOf(dir);
  let file: End['file'];
  for (const name of names.toReversed()) {
    const { line, bytes, torn } = await tailOf(join(dir, name));
    file ??= { name, bytes, torn };
    if (line !== undefined) return { last: entryOf(line, name), file };
    if (name !== file.name) break; // a file before the last one that holds no line
  }
  return { last: undefined, file };
}

/** Longer than any line: the longest output has a few labels. */
const TAIL = 1 << 20;

async function tailOf(path: string): Promise<{ line: string | undefined; bytes: number; torn: number }> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - TAIL);
    const buffer = Buffer.alloc(size - from);
    await handle.read(buffer, 0, buffer.length, from);
    const end = buffer.lastIndexOf(0x0a);
    const torn = buffer.length - (end + 1);
    if (end < 0) return { line: undefined, bytes: from, torn };
    const start = end === 0 ? 0 : buffer.lastIndexOf(0x0a, end - 1) + 1;
    return { line: buffer.toString('utf8', start, end), bytes: size - torn, torn };
  } finally {
    await handle.close();
  }
}

function entryOf(line: string, name: string): Entry {
  try {
    const entry = entrySchema.parse(JSON.parse(line));
    if (hashOf(entry) === entry.hash) return entry;
  } catch (cause) {
    throw new LedgerError('LEDGER_DAMAGED', `the last line of ${name} is no entry`, { cause });
  }
  throw new LedgerError('LEDGER_DAMAGED', `the last line of ${name} was changed`);
}

/** Cuts a file off behind its whole lines; what it was that is gone. */
export async function cut(
  path: string,
  bytes: number,
): Promise<{ bytes: number; sha256: string } | undefined> {
  const handle = await open(path, 'r+');
  try {
    const { size } = await handle.stat();
    if (size <= bytes) return undefined;
    const gone = Buffer.alloc(Math.min(size - bytes, 64 * TAIL));
    await handle.read(gone, 0, gone.length, bytes);
    await handle.truncate(bytes);
    await handle.datasync();
    return { bytes: size - bytes, sha256: sha256(gone) };
  } finally {
    await handle.close();
  }
}
