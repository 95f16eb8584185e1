/** Reads a ledger from its first byte to its last: is it what was written? */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { type Entry, type Head, canonicalJson, entrySchema, hashOf } from './entry.ts';
import { LedgerError } from './error.ts';
import { START, filesOf, firstOf, readHead } from './folder.ts';

/** What can be wrong with a ledger: code → what was found. */
export const FINDINGS = {
  NOT_AN_ENTRY: 'a line is no entry: it was changed, or something else was written into the file',
  NOT_CANONICAL: 'a line says the same in other bytes than were written',
  HASH_WRONG: 'an entry was changed',
  GAP: 'an entry is missing, or stands twice or elsewhere',
  CHAIN_BROKEN: 'an entry does not follow the one before it',
  FILE_NAME_WRONG: 'a file does not begin with the entry that its name says',
  TRUNCATED: 'entries at the end were taken away',
  HEAD_MISSING: 'head.json is gone, so nobody can say whether entries at the end were taken away',
  HEAD_WRONG: 'head.json does not agree with the entries',
  ANCHOR_NOT_FOUND: 'no entry has the hash that was asked for: the chain was written anew',
} as const;

export interface Finding {
  readonly code: keyof typeof FINDINGS;
  /** The file and its line from 1, of the first line that is wrong; '' and 0 where no line is. */
  readonly file: string;
  readonly line: number;
}

export interface Verdict {
  /** Entries that are right, up to the first that is not. */
  readonly entries: number;
  readonly files: number;
  /** Of the last right entry. */
  readonly head: Head;
  /** Bytes behind the last line: a server writes at this moment, or was killed; its next start cuts them off. */
  readonly tornBytes: number;
  /** Absent where all is right. */
  readonly finding?: Finding | undefined;
}

export interface VerifyOptions {
  /** A hash that was kept elsewhere: an entry must have it. */
  readonly anchor?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Each right entry, in order. */
  readonly onEntry?: (entry: Entry) => void | Promise<void>;
}

/** @throws LedgerError LEDGER_UNUSABLE where there is no ledger */
export async function verifyLedger(dir: string, options: VerifyOptions = {}): Promise<Verdict> {
  const { anchor, onEntry, signal } = options;
  const files = await filesOf(dir).catch((cause: unknown) => {
    throw new LedgerError('LEDGER_UNUSABLE', `${dir} cannot be read`, { cause });
  });
  // Before the lines: a server that writes meanwhile moves it, and the lines must reach it.
  const told = await readHead(dir).catch(() => 'unreadable' as const);
  if (files.length === 0 && told === undefined) {
    throw new LedgerError('LEDGER_UNUSABLE', `${dir} holds no ledger`);
  }
  let head = START;
  let tornBytes = 0;
  let hasHead =
    told === undefined || told === 'unreadable' ? false : told.seq === 0 && told.hash === START.hash;
  let hasAnchor = anchor === undefined;
  const verdict = (finding?: Finding): Verdict => ({
    entries: head.seq,
    files: files.length,
    head,
    tornBytes,
    ...(finding !== undefined && { finding }),
  });

  for (const [at, file] of files.entries()) {
    let line = 0;
    if (firstOf(file) !== head.seq + 1) return verdict({ code: 'FILE_NAME_WRONG', file, line: 1 });
    for await (const { text, isWhole } of linesOf(join(dir, file), signal)) {
      line += 1;
      if (!isWhole && at === files.length - 1) {
        tornBytes = Buffer.byteLength(text);
        break;
      }
      const entry = isWhole ? read(text) : 'NOT_AN_ENTRY';
      if (typeof entry === 'string') return verdict({ code: entry, file, line });
      if (entry.seq !== head.seq + 1) return verdict({ code: 'GAP', file, line });
      if (entry.previous !== head.hash) return verdict({ code: 'CHAIN_BROKEN', file, line });
      head = { seq: entry.seq, hash: entry.hash };
      hasAnchor ||= entry.hash === anchor;
      if (typeof told === 'object' && told.seq === head.seq) {
        hasHead = told.hash === head.hash;
        if (!hasHead) return verdict({ code: 'HEAD_WRONG', file, line });
      }
      await onEntry?.(entry);
    }
  }
  const whole = { file: '', line: 0 };
  if (told === 'unreadable') return verdict({ code: 'HEAD_WRONG', ...whole });
  if (told === undefined) return verdict({ code: 'HEAD_MISSING', ...whole });
  if (!hasHead) return verdict({ code: told.seq > head.seq ? 'TRUNCATED' : 'HEAD_WRONG', ...whole });
  return hasAnchor ? verdict() : verdict({ code: 'ANCHOR_NOT_FOUND', ...whole });
}

/** The entry of a line, or what is wrong with it. */
function read(text: string): Entry | Finding['code'] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'NOT_AN_ENTRY';
  }
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) return 'NOT_AN_ENTRY';
  if (hashOf(parsed.data) !== parsed.data.hash) return 'HASH_WRONG';
  // White space, the order of keys, 1.0 for 1, a key that stands twice: what the hash does not see.
  return canonicalJson(parsed.data) === text ? parsed.data : 'NOT_CANONICAL';
}

/** No line of ours is longer, and a file without a line feed must not fill the memory. */
const MAX_LINE = 1 << 20;

async function* linesOf(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly text: string; readonly isWhole: boolean }> {
  let rest = '';
  // latin1 keeps each byte as it is: a byte that is no UTF-8 must not be read as another one.
  for await (const chunk of createReadStream(path, { encoding: 'latin1', signal })) {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) yield { text: Buffer.from(part, 'latin1').toString(), isWhole: true };
    if (rest.length > MAX_LINE) {
      yield { text: '', isWhole: true };
      return;
    }
  }
  if (rest !== '') yield { text: Buffer.from(rest, 'latin1').toString(), isWhole: false };
}
