import { ImagingError } from '../errors.ts';
import type { HuImage } from '../image.ts';
import type { SliceRef } from './series.ts';

/** A decoded slice in its place; `slice` is where its pixels come from, for an interpolated one the nearest. */
export type PlacedImage = {
  readonly image: HuImage;
  readonly slice: SliceRef;
  /** mm along the normal; undefined for a single slice whose header does not say. */
  readonly positionMm: number | undefined;
};

// A head-to-foot scan at 0.4 mm. Positions that lie must not ask for slices without end.
const PLANES_MAX = 5000;
// Positions are sums and products of decimals: a target this close to a slice is that slice, bit for bit.
const SAME_MM = 1e-6;

/**
 * Slices at steps of `spacingMm` from the first one on, none beyond the last: each pixel by linear interpolation
 * between its two neighbours along the normal. Takes slices in ascending order and holds two at a time. Where steps
 * grow, slices between them go unseen. Throws LIMIT_EXCEEDED past 5000 planes.
 */
export async function* resampleAlong(
  planes: AsyncIterable<PlacedImage> | Iterable<PlacedImage>,
  spacingMm: number,
): AsyncGenerator<PlacedImage, void, undefined> {
  let start: number | undefined;
  let before: PlacedImage | undefined;
  let count = 0;
  for await (const after of planes) {
    start ??= positionOf(after);
    if (before !== undefined) {
      for (; start + count * spacingMm < positionOf(after) - SAME_MM; count += 1) {
        if (count >= PLANES_MAX) throw new ImagingError('LIMIT_EXCEEDED');
        yield between(before, after, start + count * spacingMm);
      }
    }
    before = after;
  }
  if (before === undefined || start === undefined) return;
  const target = start + count * spacingMm;
  if (target <= positionOf(before) + SAME_MM) yield { ...before, positionMm: target };
}

function positionOf({ positionMm }: PlacedImage): number {
  if (positionMm === undefined) throw new ImagingError('GEOMETRY_UNKNOWN');
  return positionMm;
}

function between(before: PlacedImage, after: PlacedImage, positionMm: number): PlacedImage {
  const from = positionOf(before);
  const share = (positionMm - from) / (positionOf(after) - from);
  if (positionMm - from <= SAME_MM) return { ...before, positionMm };
  const near = share <= 0.5 ? before : after;
  const pixels = new Float32Array(before.image.pixels.length);
  for (let at = 0; at < pixels.length; at += 1) {
    const low = before.image.pixels[at] ?? 0;
    pixels[at] = low + share * ((after.image.pixels[at] ?? 0) - low);
  }
  return { slice: near.slice, positionMm, image: { ...near.image, pixels } };
}
