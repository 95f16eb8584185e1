import { ImagingError } from '../errors.ts';
import { HU_MAX, HU_MIN } from '../image.ts';
import type { HuImage } from '../image.ts';
import { short } from './data-set.ts';
import { bodyPartOf, imageTypeOf, isLocalizer, pixelSpacingOf } from './frame-facts.ts';
import { cutFrames } from './frames.ts';
import type { Frames } from './frames.ts';
import { layoutOf } from './header.ts';
import type { Header } from './header.ts';
import { checkLoss } from './lossy.ts';
import { huOf, rescaleOf, stepOf } from './rescale.ts';
import type { Rescale } from './rescale.ts';
import { TAGS } from './tags.ts';

/**
 * The only slice of a file in Hounsfield units. Throws ImagingError: what is not CT, shows no slice, or lost too
 * much is refused before a pixel is decoded. Runs in a worker (see worker.ts).
 */
export async function decodeSlice(header: Header): Promise<HuImage> {
  checkModality(header);
  if (header.frames !== 1) throw new ImagingError('SEVERAL_FRAMES');
  return decodeHu(header, 1, () => cutFrames(header));
}

/** Frame `n`, from 1, as decodeSlice. `cut` cuts the frames, or has them already. */
export async function decodeHu(header: Header, n: number, cut: () => Frames): Promise<HuImage> {
  checkModality(header);
  if (isLocalizer(imageTypeOf(header, n))) throw new ImagingError('LOCALIZER');
  const { photometric, samplesPerPixel, signed } = layoutOf(header);
  if (!/^MONOCHROME[12]$/.test(photometric) || samplesPerPixel !== 1) {
    throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  }
  const frames = cut();
  const rescale = rescaleOf(header, n, signed);
  if (rescale === undefined) throw new ImagingError('HU_UNKNOWN');
  checkLoss(header, stepOf(rescale));
  const pixels = clipToHu(await frames.decode(n), rescale, paddingOf(header, rescale, signed));
  const pixelSpacing = pixelSpacingOf(header, n);
  const bodyPart = bodyPartOf(header, n);
  return {
    kind: 'hu',
    rows: header.rows,
    columns: header.columns,
    pixels,
    source: 'dicom',
    transferSyntax: header.transferSyntax,
    ...(photometric === 'MONOCHROME1' ? { inverted: true } : {}),
    ...(pixelSpacing === undefined ? {} : { pixelSpacing }),
    ...(bodyPart === undefined ? {} : { bodyPart }),
  };
}

/** Stored values from `low` to `high` are no tissue. */
type Padding = { readonly low: number; readonly high: number };

// Whole numbers: a comparison of each pixel with Infinity takes twice the time.
const NO_PADDING: Padding = { low: 1, high: 0 };

// Air. What is padding lies at it or below, or above all that a scanner measures.
const MATTER_ABOVE = -1000;

/**
 * Padding is stored, not rescaled; a range limit (0028,0121) may lie on either side of the value (0028,0120). A range
 * that holds tissue is a mistake of the writer and no padding: masked, it would make air of a lesion.
 */
export function paddingOf({ data }: Header, rescale: Rescale, signed: boolean): Padding {
  const value = short(data, TAGS.padding, signed);
  if (value === undefined) return NO_PADDING;
  const limit = short(data, TAGS.paddingLimit, signed) ?? value;
  const [low, high] = [Math.min(value, limit), Math.max(value, limit)];
  const [least, most] = [huOf(rescale, low), huOf(rescale, high)].toSorted((a, b) => a - b);
  if (least === undefined || most === undefined) return NO_PADDING;
  return most <= MATTER_ABOVE || least > HU_MAX ? { low, high } : NO_PADDING;
}

function checkModality({ modality }: Header): void {
  if (modality !== 'CT') throw new ImagingError('NOT_CT');
}

/**
 * Declared padding and everything below -1024 become -1024, everything above 3071 becomes 3071. Scanners fill what
 * lies outside their circle with values far below air, and the padding they declare is not always the one they use.
 */
function clipToHu(stored: Int32Array, rescale: Rescale, { low, high }: Padding): Float32Array {
  const pixels = new Float32Array(stored.length);
  if (rescale.kind === 'table') {
    for (let at = 0; at < stored.length; at += 1) {
      const value = stored[at] ?? 0;
      pixels[at] = value >= low && value <= high ? HU_MIN : Math.min(HU_MAX, huOf(rescale, value));
    }
    return pixels;
  }
  const { slope, intercept } = rescale;
  for (let at = 0; at < stored.length; at += 1) {
    const value = stored[at] ?? 0;
    let hu = value * slope + intercept;
    if (hu < HU_MIN || (value >= low && value <= high)) hu = HU_MIN;
    else if (hu > HU_MAX) hu = HU_MAX;
    pixels[at] = hu;
  }
  return pixels;
}
