/** A package by its manifest: that first, as it names every file with its sha256, then the files. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '@hilum/store';
import { z } from 'zod';
import { GaveUp, type ModelState } from '../readiness.ts';
import { type ListedFile, fetchFile, sizeOf } from './resume.ts';
import type { Found } from './source.ts';

const MANIFEST = 'manifest.json';
/** A package has some 15 files; a list beyond this is something else. */
const MAX_MANIFEST_BYTES = 2 ** 20;
const FILES_AT_ONCE = 4;
const PARTIAL = '.partial-';

export interface Manifest {
  /** `sha256:…` of its bytes: that of the package. */
  readonly digest: string;
  readonly bytes: Buffer;
  readonly files: readonly ListedFile[];
}

// What is needed to fetch; whether the package is one is for `openPackage` to say. A path that leaves its folder would
// have us write over files of the machine.
const manifestSchema = z.object({
  files: z
    .array(
      z.object({
        path: z
          .string()
          .regex(/^[\w.-]+(\/[\w.-]+)*$/)
          .refine(
            (path) => path !== MANIFEST && !path.split('/').some((step) => step === '..' || step === '.'),
          ),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        bytes: z.int().min(0),
      }),
    )
    .max(10_000),
});

/** @throws GaveUp DIGEST_MISMATCH, PACKAGE_INVALID; StoreError, MlflowError */
export async function readManifest(
  found: Found,
  want: string | undefined,
  signal: AbortSignal,
): Promise<Manifest> {
  let bytes = await wholeManifest(found, signal);
  // Once more, as the way may have been at fault.
  if (want !== undefined && digestOf(bytes) !== want) bytes = await wholeManifest(found, signal);
  const digest = digestOf(bytes);
  if (want !== undefined && digest !== want) {
    throw new GaveUp('DIGEST_MISMATCH', `the package has ${digest}, but ${want} was asked for`);
  }
  const parsed = manifestSchema.safeParse(jsonOf(bytes.toString()));
  if (parsed.success) return { digest, bytes, files: parsed.data.files };
  throw new GaveUp('PACKAGE_INVALID', `${MANIFEST} of ${found.name} does not list the files of a package`);
}

export interface PullOptions {
  readonly cacheDir: string;
  /** Where the package goes, below `cacheDir`; whatever is there is replaced. */
  readonly place: string;
  readonly report: (state: ModelState) => void;
  readonly signal: AbortSignal;
}

/** @throws GaveUp DIGEST_MISMATCH, PACKAGE_INCOMPLETE; StoreError, MlflowError, errors of the file system */
export async function pullPackage(found: Found, manifest: Manifest, options: PullOptions): Promise<void> {
  const { cacheDir, place, report, signal } = options;
  const { digest, files } = manifest;
  // By its digest, so that another server process, later, knows what these beginnings are beginnings of.
  const partial = join(cacheDir, `${PARTIAL}${digest.replace('sha256:', '')}`);
  await mkdir(partial, { recursive: true });
  await removeOthers(cacheDir, partial);
  const totalBytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const sizes = await Promise.all(files.map((file) => sizeOf(join(partial, file.path))));
  let bytes = sizes.reduce((sum, size) => sum + size, 0);
  const what = [found.name, ...(found.version === null ? [] : ['version', found.version])].join(' ');
  const message = bytes === 0 ? `downloading ${what}` : `going on with the download of ${what}`;
  const progress = (more: number): void => {
    bytes += more;
    report({ code: 'DOWNLOADING', message, progress: { bytes: Math.min(bytes, totalBytes), totalBytes } });
  };
  progress(0);
  try {
    await inHands(files, signal, (file, stop) =>
      fetchFile(found.read, file, join(partial, file.path), { onBytes: progress, signal: stop }),
    );
  } catch (error) {
    // Of what is wrong nothing is worth keeping; what broke off is.
    if (error instanceof GaveUp) await rm(partial, { recursive: true, force: true });
    throw error;
  }
  await writeFile(join(partial, MANIFEST), manifest.bytes);
  // A folder with a digest for a name is complete whenever it is there.
  await rm(place, { recursive: true, force: true });
  await rename(partial, place);
}

/** Some at a time; the first failure stops the others before it is thrown. */
async function inHands<T>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const queue = items.values();
  const hand = async (): Promise<void> => {
    for (const item of queue) {
      stop.throwIfAborted();
      await work(item, stop).catch((error: unknown) => {
        failed.abort(error);
        throw error;
      });
    }
  };
  await Promise.allSettled(Array.from({ length: FILES_AT_ONCE }, hand));
  signal.throwIfAborted();
  // Of the others some end in the words of what was stopped.
  failed.signal.throwIfAborted();
}

async function wholeManifest(found: Found, signal: AbortSignal): Promise<Buffer> {
  const body = await found.read(MANIFEST, 0, signal);
  // Perhaps not yet: files appear in a store one after the other.
  if (body === undefined) throw new StoreError('STORE_MISSING', `${found.name} has no ${MANIFEST}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body.bytes) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES) {
      throw new GaveUp('PACKAGE_INVALID', `${MANIFEST} of ${found.name} is too large for one`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** One cache belongs to one server at a time; it goes on with one download. */
async function removeOthers(cacheDir: string, partial: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    const path = join(cacheDir, name);
    if (name.startsWith(PARTIAL) && path !== partial) await rm(path, { recursive: true, force: true });
  }
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
