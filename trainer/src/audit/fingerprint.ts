/** Images → what tells them apart, one small record for each. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeImage, ImagingError, resize, type Image } from '@hilum/imaging';
import { TrainerError } from '../errors.ts';
import { PrintCache, THUMB_BYTES, type Print } from './print-cache.ts';

/** Width and height of what is kept of a picture. */
export const SIDE = 64;

export interface Prints {
  /** Hex sha256 of each file. */
  readonly bytes: readonly string[];
  /** Hex sha256 of what each shows: size, depth and pixels. A PNG and a lossless DICOM of one slice still differ. */
  readonly pixels: readonly string[];
  readonly thumbs: Thumbs;
  /** How many were decoded; the others are of the cache. */
  readonly decoded: number;
}

/** Pictures of 64x64 levels, 0 the darkest of the image and 255 its brightest. */
class Thumbs {
  readonly #levels: Uint8Array;

  constructor(count: number) {
    this.#levels = new Uint8Array(count * THUMB_BYTES);
  }

  of(index: number): Uint8Array {
    return this.#levels.subarray(index * THUMB_BYTES, (index + 1) * THUMB_BYTES);
  }
}

interface ReadOptions {
  /** Prints of images that were decoded before. */
  readonly cacheDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onImage?: (done: number) => void;
}

/** As many as decode at once. */
const AT_ONCE = 8;

/** @throws TrainerError UNREADABLE_IMAGE */
export async function readPrints(
  dir: string,
  images: readonly { readonly file: string }[],
  { cacheDir, signal, onImage }: ReadOptions,
): Promise<Prints> {
  const bytes: string[] = [];
  const pixels: string[] = [];
  const thumbs = new Thumbs(images.length);
  const cache = cacheDir === undefined ? undefined : await PrintCache.open(cacheDir);
  let decoded = 0;
  try {
    for (let at = 0; at < images.length; at += AT_ONCE) {
      signal?.throwIfAborted();
      const batch = images.slice(at, at + AT_ONCE);
      const read = await Promise.all(batch.map(({ file }) => readOne({ dir, file, cache, signal })));
      for (const [offset, { digest, print, isNew }] of read.entries()) {
        bytes.push(digest);
        pixels.push(print.pixels);
        thumbs.of(at + offset).set(print.thumb);
        if (isNew) decoded += 1;
      }
      onImage?.(at + batch.length);
    }
    const kept = images.map((_, at) => [bytes[at] ?? '', { pixels: pixels[at] ?? '', thumb: thumbs.of(at) }]);
    await cache?.keep(new Map(kept as [string, Print][]));
    return { bytes, pixels, thumbs, decoded };
  } finally {
    await cache?.close();
  }
}

interface Work {
  readonly dir: string;
  readonly file: string;
  readonly cache: PrintCache | undefined;
  readonly signal: AbortSignal | undefined;
}

async function readOne({ dir, file, cache, signal }: Work): Promise<{
  /** Hex sha256 of the file. */
  readonly digest: string;
  readonly print: Print;
  readonly isNew: boolean;
}> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(join(dir, file), { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TrainerError('UNREADABLE_IMAGE', `${file}: the file cannot be read`, { cause });
  }
  const digest = createHash('sha256').update(bytes).digest('hex');
  const known = await cache?.find(digest);
  if (known !== undefined) return { digest, print: known, isNew: false };
  try {
    const image = await decodeImage(bytes, { signal });
    return { digest, print: { pixels: pixelDigest(image), thumb: thumbOf(image) }, isNew: true };
  } catch (cause) {
    if (!(cause instanceof ImagingError)) throw cause;
    throw new TrainerError('UNREADABLE_IMAGE', `${file}: ${cause.code}: ${cause.message}`, { cause });
  }
}

function pixelDigest({ kind, rows, columns, pixels }: Image): string {
  const raw = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  return createHash('sha256')
    .update(JSON.stringify([kind, rows, columns, pixels.BYTES_PER_ELEMENT]))
    .update(raw)
    .digest('hex');
}

/** Every image fills the range: correlation knows neither brightness nor contrast, and so much is lost by no 8 bits. */
function thumbOf({ rows, columns, pixels }: Image): Uint8Array {
  const read = (row: number, line: Float64Array): void => {
    line.set(pixels.subarray(row * columns, (row + 1) * columns));
  };
  const { values } = resize({ rows, columns, read }, SIDE, SIDE);
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = high > low ? 255 / (high - low) : 0;
  return Uint8Array.from(values, (value) => Math.round((value - low) * scale));
}
