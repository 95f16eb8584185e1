import type { DataSet } from 'dicom-parser';
import { ImagingError } from '../errors.ts';
import { decimal, items, short, text } from './data-set.ts';
import { keyOf } from './elements.ts';
import { placesOf } from './groups.ts';
import type { Header } from './header.ts';
import { LIMITS } from './limits.ts';
import { TAGS } from './tags.ts';

/** From stored values to Hounsfield units (PS3.3 C.11.1). */
export type Rescale =
  | { readonly kind: 'linear'; readonly slope: number; readonly intercept: number }
  /** `values[0]` stands for `first` and all below, the last one for all above. */
  | { readonly kind: 'table'; readonly first: number; readonly values: Uint16Array };

/**
 * The frame's way to Hounsfield units: a Modality LUT Sequence where there is one, else slope and intercept. Undefined
 * where there is neither, or it leads to another unit; a guess would be silent. `signed`: the stored values are.
 */
export function rescaleOf(header: Header, n: number, signed: boolean): Rescale | undefined {
  const [lut] = items(header.data, TAGS.modalityLut);
  if (lut !== undefined) return tableOf(lut, signed);
  const place = placesOf(header, n, TAGS.pixelValueTransformation).find(
    (data) => text(data, TAGS.slope) !== undefined,
  );
  const slope = decimal(place, TAGS.slope);
  const intercept = decimal(place, TAGS.intercept);
  const unit = text(place, TAGS.rescaleType)?.toUpperCase() ?? 'HU';
  if (slope === undefined || intercept === undefined || slope === 0 || unit !== 'HU') return undefined;
  return { kind: 'linear', slope, intercept };
}

/** HU per step of the stored values; of a table, on the average. */
export function stepOf(rescale: Rescale): number {
  if (rescale.kind === 'linear') return rescale.slope;
  const { values } = rescale;
  const span = (values.at(-1) ?? 0) - (values[0] ?? 0);
  return span / Math.max(1, values.length - 1);
}

/** HU of one stored value, not clipped. */
export function huOf(rescale: Rescale, stored: number): number {
  if (rescale.kind === 'linear') return stored * rescale.slope + rescale.intercept;
  const { first, values } = rescale;
  return values[Math.min(values.length - 1, Math.max(0, stored - first))] ?? 0;
}

/** PS3.3 C.11.1.1.1: entries (0 means 65536), the first stored value mapped (signed as the pixels), bits of an entry. */
function tableOf(lut: DataSet, signed: boolean): Rescale | undefined {
  if (text(lut, TAGS.lutType)?.toUpperCase() !== 'HU') return undefined;
  const count = short(lut, TAGS.lutDescriptor, false, 0);
  const first = short(lut, TAGS.lutDescriptor, signed, 1);
  const bits = short(lut, TAGS.lutDescriptor, false, 2);
  const element = lut.elements[keyOf(TAGS.lutData)];
  if (count === undefined || first === undefined || bits === undefined || element === undefined) {
    throw new ImagingError('CORRUPT', 'The modality LUT has no descriptor or no data.');
  }
  const entries = count === 0 ? LIMITS.lutEntries : count;
  // Entries of 8 bits lie in bytes or in words, by the writer.
  const bytesPerEntry = bits <= 8 && element.length < 2 * entries ? 1 : 2;
  if (bits < 8 || bits > 16 || element.length < entries * bytesPerEntry) {
    throw new ImagingError('CORRUPT', 'The modality LUT has fewer entries than it declares.');
  }
  const values = Uint16Array.from({ length: entries }, (_, k) =>
    bytesPerEntry === 1
      ? (lut.byteArray[element.dataOffset + k] ?? 0)
      : (short(lut, TAGS.lutData, false, k) ?? 0),
  );
  return { kind: 'table', first, values };
}
