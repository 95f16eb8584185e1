/**
 * DVC's directory object: the JSON list by whose md5 a dataset is pinned, byte for byte as DVC 3 writes it.
 *
 * Python's `json.dumps(sorted entries, sort_keys=True)`: `", "` and `": "` between tokens, everything outside
 * printable ASCII escaped, entries in code point order of their path.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { byCodePoint } from '../dataset/scan.ts';
import { TrainerError } from '../errors.ts';

export interface DirectoryEntry {
  /** 32 lower-case hex digits. */
  readonly md5: string;
  /** With forward slashes, relative to the dataset's folder. */
  readonly relpath: string;
}

const entrySchema = z.object({
  md5: z.string().regex(/^[0-9a-f]{32}$/),
  relpath: z.string().min(1).max(4096).refine(isSafe, 'leaves the dataset folder'),
});
const directorySchema = z.array(entrySchema);

/** The bytes of the directory object. */
export function formatDirectory(entries: readonly DirectoryEntry[]): Buffer {
  const items = entries
    .toSorted((a, b) => byCodePoint(a.relpath, b.relpath))
    .map(({ md5, relpath }) => `{"md5": ${pythonJson(md5)}, "relpath": ${pythonJson(relpath)}}`);
  return Buffer.from(`[${items.join(', ')}]`);
}

/** @throws TrainerError DATASET_MALFORMED, also where a path would leave the folder or two entries share one */
export function parseDirectory(bytes: Uint8Array): readonly DirectoryEntry[] {
  let entries: readonly DirectoryEntry[];
  try {
    entries = directorySchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new TrainerError(
      'DATASET_MALFORMED',
      'the .dir object is not a list of {md5, relpath} with safe paths',
      {
        cause,
      },
    );
  }
  if (new Set(entries.map((entry) => entry.relpath)).size < entries.length) {
    throw new TrainerError('DATASET_MALFORMED', 'two entries of the .dir object have the same path');
  }
  return entries;
}

/** `<md5>.dir` of the bytes of a directory object. */
export function directoryMd5(bytes: Uint8Array): string {
  return `${createHash('md5').update(bytes).digest('hex')}.dir`;
}

/** Where an object lies in a remote of DVC 3. */
export function objectPath(md5: string): string {
  return `files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`;
}

function pythonJson(text: string): string {
  // JSON.stringify has Python's short escapes already; what is left is all outside printable ASCII.
  return JSON.stringify(text).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function isSafe(relpath: string): boolean {
  const steps = relpath.split('/');
  return (
    !relpath.includes('\0') &&
    !relpath.includes('\\') &&
    steps.every((step) => !['', '.', '..'].includes(step))
  );
}
