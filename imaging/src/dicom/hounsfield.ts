import { ImagingError } from '../errors.ts';
import { HU_MAX, HU_MIN } from '../image.ts';
import type { HuImage } from '../image.ts';
import { readHeader } from './header.ts';
import { decodeStored } from './stored.ts';

/**
 * One CT slice in Hounsfield units from the bytes of a DICOM file: stored · slope + intercept, declared padding and
 * everything below -1024 set to -1024, everything above 3071 set to 3071. Throws ImagingError. Runs in a worker
 * (see worker.ts): a hostile file may keep a decoder busy for minutes.
 */
export async function decodeCtSlice(file: Uint8Array): Promise<HuImage> {
  const header = readHeader(file);
  if (header.modality !== 'CT') throw new ImagingError('NOT_CT');
  if (header.rescale === undefined) throw new ImagingError('HU_UNKNOWN');
  const { slope, intercept } = header.rescale;
  const stored = await decodeStored(header);
  const pixels = new Float32Array(stored.length);
  const low = header.padding?.low ?? Infinity;
  const high = header.padding?.high ?? -Infinity;
  for (let at = 0; at < stored.length; at += 1) {
    const value = stored[at] ?? 0;
    const hu = value * slope + intercept;
    pixels[at] = value >= low && value <= high ? HU_MIN : Math.min(HU_MAX, Math.max(HU_MIN, hu));
  }
  return {
    kind: 'hu',
    rows: header.rows,
    columns: header.columns,
    pixels,
    source: 'dicom',
    transferSyntax: header.transferSyntax,
    ...(header.inverted ? { inverted: true } : {}),
  };
}
