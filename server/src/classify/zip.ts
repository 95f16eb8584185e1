/** The files of a zip that is in memory: listed and bounded first, unpacked one by one when they are read. */
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { type Entry, type ZipFile, fromBufferPromise } from 'yauzl';
import { ServerError } from '../errors.ts';
import type { SentFile } from './sent-file.ts';

/** A whole study has fewer. Each costs some hundred bytes before anything of it is unpacked. */
export const MAX_FILES = 5_000;
// Deflate reaches 1032. CT slices stay below 10; one that is all air is small, and so is a drawn one.
const MAX_RATIO = 200;
const RATIO_FREE_BYTES = 1_048_576;

export function isZip(bytes: Uint8Array): boolean {
  return [0x50, 0x4b, 0x03, 0x04].every((byte, at) => bytes[at] === byte);
}

/**
 * What the directory of the zip lists. Nothing is unpacked before all of it fits: number, sizes as declared (which the
 * unpacking then holds them to) and their ratio to what is packed. A zip within is a file like any other, and no image.
 *
 * @param maxBytes unpacked, all files together
 * @throws ServerError ZIP_INVALID, ZIP_SUSPICIOUS, SERIES_TOO_LARGE
 */
export async function filesOfZip(zip: Uint8Array, maxBytes: number): Promise<readonly SentFile[]> {
  const file = await open(zip).catch(invalid);
  const entries = await list(file, maxBytes).catch(invalid);
  return entries.map((entry) => ({
    name: entry.fileName,
    read: async (signal) => unpack(file, entry, signal).catch(invalid),
  }));
}

function invalid(cause: unknown): never {
  throw cause instanceof ServerError ? cause : new ServerError('ZIP_INVALID', undefined, { cause });
}

async function open(zip: Uint8Array): Promise<ZipFile> {
  const bytes = Buffer.from(zip.buffer, zip.byteOffset, zip.byteLength);
  // Names are decoded and checked (no root, no `..`), though none is ever used as a path.
  return fromBufferPromise(bytes, { lazyEntries: true, validateEntrySizes: true, autoClose: false });
}

async function list(zip: ZipFile, maxBytes: number): Promise<readonly Entry[]> {
  if (zip.entryCount > MAX_FILES) {
    throw new ServerError(
      'SERIES_TOO_LARGE',
      `the zip lists ${zip.entryCount} files; at most ${MAX_FILES} are taken`,
    );
  }
  const entries: Entry[] = [];
  let unpacked = 0;
  for await (const entry of zip.eachEntry()) {
    if (isFolder(entry)) continue;
    if (!entry.canDecodeFileData()) throw new ServerError('ZIP_INVALID');
    unpacked += entry.uncompressedSize;
    if (unpacked > maxBytes) {
      throw new ServerError('SERIES_TOO_LARGE', `the zip unpacks to more than ${maxBytes} bytes`);
    }
    assertRatio(entry.uncompressedSize, entry.compressedSize);
    entries.push(entry);
  }
  // Entries may share what is packed: the sum of their parts then says nothing of the whole.
  assertRatio(unpacked, zip.fileSize);
  return entries;
}

function assertRatio(unpacked: number, packed: number): void {
  if (unpacked > RATIO_FREE_BYTES && unpacked > MAX_RATIO * packed) throw new ServerError('ZIP_SUSPICIOUS');
}

async function unpack(zip: ZipFile, entry: Entry, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const stream = await zip.openReadStreamPromise(entry);
  const bytes = await buffer(stream);
  signal?.throwIfAborted();
  if (crc32(bytes) !== entry.crc32) throw new ServerError('ZIP_INVALID', 'a file of the zip is damaged');
  return bytes;
}

function isFolder({ fileName }: Entry): boolean {
  return fileName.endsWith('/');
}
