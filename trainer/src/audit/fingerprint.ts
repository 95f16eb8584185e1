/** Images → what tells them apart, one small record for each. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeImage, ImagingError, resize, type Image } from '@hilum/imaging';
import { TrainerError } from '../errors.ts';

/** Width and height of what is kept of a picture. */
export const SIDE = 64;

export interface Prints {
  /** Hex sha256 of each file. */
  readonly bytes: readonly string[];
  /** Hex sha256 of what each shows: size, depth and pixels. A PNG and a lossless DICOM of one slice still differ. */
  readonly pixels: readonly string[];
  readonly thumbs: Thumbs;
}

/** Pictures of 64x64 levels, 0 the darkest of the image and 255 its brightest. */
class Thumbs {
  readonly #levels: Uint8Array;

  constructor(count: number) {
    this.#levels = new Uint8Array(count * SIDE * SIDE);
  }

  of(index: number): Uint8Array {
    return this.#levels.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE);
  }
}

interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onImage?: (done: number) => void;
}

/** As many as decode at once. */
const AT_ONCE = 8;

/** @throws TrainerError UNREADABLE_IMAGE */
export async function readPrints(
  dir: string,
  images: readonly { readonly file: string }[],
  { signal, onImage }: ReadOptions,
): Promise<Prints> {
  const bytes: string[] = [];
  const pixels: string[] = [];
  const thumbs = new Thumbs(images.length);
  for (let at = 0; at < images.length; at += AT_ONCE) {
    signal?.throwIfAborted();
    const batch = images.slice(at, at + AT_ONCE);
    const read = await Promise.all(batch.map(({ file }) => readOne(dir, file, signal)));
    for (const [offset, { bytesDigest, image }] of read.entries()) {
      bytes.push(bytesDigest);
      pixels.push(pixelDigest(image));
      fillThumb(image, thumbs.of(at + offset));
    }
    onImage?.(at + batch.length);
  }
  return { bytes, pixels, thumbs };
}

async function readOne(
  dir: string,
  file: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly bytesDigest: string; readonly image: Image }> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(join(dir, file), { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TrainerError('UNREADABLE_IMAGE', `${file}: the file cannot be read`, { cause });
  }
  try {
    const image = await decodeImage(bytes, { signal });
    return { bytesDigest: createHash('sha256').update(bytes).digest('hex'), image };
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
function fillThumb({ rows, columns, pixels }: Image, into: Uint8Array): void {
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
  for (const [at, value] of values.entries()) into[at] = Math.round((value - low) * scale);
}
