import { createHash } from 'node:crypto';
import { HU_MIN } from '../image.ts';
import type { SliceFacts } from './facts.ts';
import { factsOf } from './frame-facts.ts';
import { cutFrames } from './frames.ts';
import type { Header } from './header.ts';
import { paddingOf } from './hounsfield.ts';
import { huOf, rescaleOf } from './rescale.ts';

/** What a DICOM image holds, without a verdict on whether it can be classified. */
export type Inspection = {
  /** One per frame. */
  readonly facts: readonly SliceFacts[];
  /**
   * Least and greatest HU of all frames, not clipped; padding left out: declared padding, and everything below
   * -1024 HU, since air has -1000 and what scanners fill their corners with lies far below, whatever they declare.
   * Absent where the modality is not CT, HU are unknown, or all is padding.
   */
  readonly huRange?: { readonly min: number; readonly max: number };
  /**
   * SHA-256, hexadecimal, of the stored values (before any rescale) of all frames as little-endian int32: frame by
   * frame, row by row, colour by pixel.
   */
  readonly storedSha256: string;
};

/** Decodes every frame of a file, one at a time. Throws ImagingError where one does not decode. */
export async function inspect(header: Header): Promise<Inspection> {
  const facts = factsOf(header);
  const frames = cutFrames(header);
  const hash = createHash('sha256');
  let min = Infinity;
  let max = -Infinity;
  for (let n = 1; n <= header.frames; n += 1) {
    const stored = await frames.decode(n);
    hash.update(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    const range = rangeOf(header, n, stored, frames.layout.signed);
    min = Math.min(min, range.min);
    max = Math.max(max, range.max);
  }
  return { facts, storedSha256: hash.digest('hex'), ...(min <= max ? { huRange: { min, max } } : {}) };
}

function rangeOf(header: Header, n: number, stored: Int32Array, signed: boolean) {
  let min = Infinity;
  let max = -Infinity;
  const rescale = header.modality === 'CT' ? rescaleOf(header, n, signed) : undefined;
  if (rescale === undefined) return { min, max };
  const { low, high } = paddingOf(header, rescale, signed);
  for (const value of stored) {
    if (value >= low && value <= high) continue;
    const hu = huOf(rescale, value);
    if (hu < HU_MIN) continue;
    if (hu < min) min = hu;
    if (hu > max) max = hu;
  }
  return { min, max };
}
