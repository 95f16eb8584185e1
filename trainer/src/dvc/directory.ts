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
import type { Layout } from './md5.ts';

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
  try {
    return parseEntries(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    if (cause instanceof TrainerError) throw cause;
    throw new TrainerError('DATASET_MALFORMED', 'the .dir object is not JSON', { cause });
  }
}

/** @throws TrainerError as `parseDirectory` */
export function parseEntries(value: unknown): readonly DirectoryEntry[] {
  const parsed = directorySchema.safeParse(value);
  if (!parsed.success) {
    throw new TrainerError(
      'DATASET_MALFORMED',
      'the .dir object is not a list of {md5, relpath} with safe paths',
      { cause: parsed.error },
    );
  }
  const entries = parsed.data;
  const paths = new Set(entries.map((entry) => entry.relpath));
  if (paths.size < entries.length) {
    throw new TrainerError('DATASET_MALFORMED', 'two entries of the .dir object have the same path');
  }
  for (const path of paths) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      if (!paths.has(path.slice(0, end))) continue;
      throw new TrainerError(
        'DATASET_MALFORMED',
        `${path.slice(0, end)} is a file and a folder in the .dir object`,
      );
    }
  }
  return entries;
}

/** `<md5>.dir` of the bytes of a directory object. */
export function directoryMd5(bytes: Uint8Array): string {
  return `${createHash('md5').update(bytes).digest('hex')}.dir`;
}

/** Where an object lies in a remote. */
export function objectPath(md5: string, layout: Layout = 'files'): string {
  const path = `${md5.slice(0, 2)}/${md5.slice(2)}`;
  return layout === 'files' ? `files/md5/${path}` : path;
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
    !relpath.startsWith('.hilum-part/') &&
    steps.every((step) => !['', '.', '..'].includes(step))
  );
}
