import type { DataSet } from 'dicom-parser';
import { ImagingError } from '../errors.ts';
import { checkSize } from '../image.ts';
import { items, short, text } from './data-set.ts';
import { UNDEFINED_LENGTH, keyOf, readElements } from './elements.ts';
import { encodingOf } from './encoding.ts';
import { checkLimit } from './limits.ts';
import { readPart10 } from './meta.ts';
import type { FrameLayout } from './stored.ts';
import { TAGS } from './tags.ts';
import { packingOf } from './transfer-syntax.ts';
import type { Packing } from './transfer-syntax.ts';

/** One DICOM image object, up to its pixels. */
export type Header = {
  readonly transferSyntax: string;
  readonly packing: Packing;
  /** Upper case; '' when absent. */
  readonly modality: string;
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
  /** The attributes of TAGS, no others. */
  readonly data: DataSet;
  /** Functional groups; `perFrame` has one for every frame, or none at all. */
  readonly groups: { readonly shared: DataSet | undefined; readonly perFrame: readonly DataSet[] };
  /** The Pixel Data element: its value starts at `offset` of `bytes`, the data set. */
  readonly pixelData: { readonly offset: number; readonly length: number; readonly encapsulated: boolean };
  readonly bytes: Uint8Array;
};

// CT, enhanced, legacy converted, and the secondary captures (PS3.4 B.5).
const CT_IMAGES = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(2|2\.1|2\.2|7|7\.[1-4])$/;
const WANTED = new Set<number>(Object.values(TAGS));

/**
 * Reads the attributes up to Pixel Data; nothing after it is looked at. The transfer syntax is judged first, before
 * the data set behind it is walked. An object without an image is NOT_CT unless it claims to be CT. Throws
 * ImagingError.
 */
export function readHeader(file: Uint8Array): Header {
  checkLimit('fileBytes', file.length, 'bytes');
  const { transferSyntax, body } = readPart10(file);
  const packing = packingOf(transferSyntax);
  const data = readElements(body, encodingOf(transferSyntax, body), WANTED);
  const element = data.elements[keyOf(TAGS.pixelData)];
  const modality = text(data, TAGS.modality)?.toUpperCase() ?? '';
  if (element === undefined) throw noPixels(data, modality);
  const rows = short(data, TAGS.rows) ?? 0;
  const columns = short(data, TAGS.columns) ?? 0;
  checkSize(rows, columns);
  const pixelData = {
    offset: element.dataOffset,
    length: element.length,
    encapsulated: element.length === UNDEFINED_LENGTH,
  };
  const frames = readFrames(data);
  const groups = readGroups(data, frames);
  return { transferSyntax, packing, modality, frames, rows, columns, data, groups, pixelData, bytes: body };
}

/** How the samples of every frame lie. Throws where they are of a kind that is not decoded, or contradict. */
export function layoutOf({ data, packing, rows, columns, frames }: Header): FrameLayout {
  const bitsAllocated = short(data, TAGS.bitsAllocated);
  const bitsStored = short(data, TAGS.bitsStored) ?? 0;
  const highBit = short(data, TAGS.highBit) ?? bitsStored - 1;
  const samplesPerPixel = short(data, TAGS.samplesPerPixel) ?? 1;
  if ((samplesPerPixel !== 1 && samplesPerPixel !== 3) || (bitsAllocated !== 8 && bitsAllocated !== 16)) {
    throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  }
  if (bitsStored < 1 || bitsStored > bitsAllocated || highBit < bitsStored - 1 || highBit >= bitsAllocated) {
    throw new ImagingError('CORRUPT', 'Bits Stored, High Bit and Bits Allocated contradict each other.');
  }
  // Absent, it is not taken for 0: many scanners write signed values, and the wrong sign still looks like a slice.
  const representation = short(data, TAGS.pixelRepresentation) ?? NaN;
  if (representation !== 0 && representation !== 1) {
    throw new ImagingError('CORRUPT', 'The Pixel Representation is neither 0 nor 1.');
  }
  const samples = rows * columns * samplesPerPixel;
  checkLimit('samplesPerFrame', samples, 'samples in a frame');
  checkLimit('pixelBytes', samples * frames * (bitsAllocated / 8), 'bytes of pixels');
  return {
    packing,
    rows,
    columns,
    samplesPerPixel,
    planar: short(data, TAGS.planar) === 1 ? 1 : 0,
    bitsAllocated,
    bitsStored,
    highBit,
    signed: representation === 1,
    photometric: text(data, TAGS.photometric)?.toUpperCase() ?? '',
  };
}

/** An image without a number of frames has one, in however many fragments (PS3.3 C.7.6.6). */
function readFrames(data: DataSet): number {
  const frames = text(data, TAGS.frames) ?? '1';
  // PS3.5 6.2, IS: a plus may lead.
  if (!/^\+?0*[1-9]\d*$/.test(frames))
    throw new ImagingError('CORRUPT', 'The number of frames is no number.');
  checkLimit('frames', Number(frames), 'frames');
  return Number(frames);
}

function readGroups(data: DataSet, frames: number): Header['groups'] {
  const [shared] = items(data, TAGS.sharedGroups);
  const perFrame = items(data, TAGS.perFrameGroups);
  if (perFrame.length > 0 && perFrame.length !== frames) {
    throw new ImagingError('CORRUPT', 'There are not as many per-frame functional groups as frames.');
  }
  return { shared, perFrame };
}

/** A plan, a report or raw data: say what it is rather than what it lacks. */
function noPixels(data: DataSet, modality: string): ImagingError {
  const image = modality === 'CT' && CT_IMAGES.test(text(data, TAGS.sopClass) ?? '');
  if (image) return new ImagingError('TRUNCATED', 'The data set ends before its Pixel Data.');
  return new ImagingError('NOT_CT', 'The DICOM object holds no image.');
}
