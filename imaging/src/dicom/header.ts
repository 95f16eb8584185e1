import dicomParser from 'dicom-parser';
import type { DataSet } from 'dicom-parser';
import { ImagingError } from '../errors.ts';
import { checkSize } from '../image.ts';
import { readPart10 } from './meta.ts';
import { packingOf } from './transfer-syntax.ts';
import type { Packing } from './transfer-syntax.ts';

/** What the decoder needs of one DICOM file. Holds no attribute that names a patient. */
export type Header = {
  readonly transferSyntax: string;
  readonly packing: Packing;
  readonly modality: string;
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly inverted: boolean;
  readonly rescale: Rescale | undefined;
  /** Stored values from `low` to `high` are padding, not tissue. */
  readonly padding: { readonly low: number; readonly high: number } | undefined;
  /** The Pixel Data element: its value starts at `offset` of `bytes`, the data set. */
  readonly pixelData: { readonly offset: number; readonly length: number; readonly encapsulated: boolean };
  readonly bytes: Uint8Array;
};

type Rescale = { readonly slope: number; readonly intercept: number };

const UNDEFINED_LENGTH = 0xff_ff_ff_ff;

/**
 * Reads the attributes up to Pixel Data and checks what they promise; nothing after it is looked at. Throws
 * ImagingError; the transfer syntax is judged first, before the data set behind it is parsed.
 */
export function readHeader(file: Uint8Array): Header {
  const { transferSyntax, body } = readPart10(file);
  const packing = packingOf(transferSyntax);
  const data = parse(transferSyntax, body);
  const element = data.elements['x7fe00010'];
  // A slice without rows and columns is some other object (a plan, a report); say what it is rather than what it lacks.
  const modality = data.string('x00080060')?.trim() ?? '';
  if (element === undefined) {
    if (modality !== 'CT') throw new ImagingError('NOT_CT');
    throw new ImagingError('TRUNCATED', 'The data set ends before its Pixel Data.');
  }
  return {
    transferSyntax,
    packing,
    modality,
    ...readLayout(data),
    rescale: readRescale(data),
    padding: readPadding(data),
    pixelData: {
      offset: element.dataOffset,
      length: element.length,
      encapsulated: element.length === UNDEFINED_LENGTH,
    },
    bytes: body,
  };
}

/**
 * The elements before Pixel Data. dicom-parser is given the data set alone, which it then takes to be in the syntax
 * named; a deflated one is explicit VR little endian once it is inflated.
 */
function parse(transferSyntax: string, body: Uint8Array): DataSet {
  const syntax = transferSyntax.endsWith('.1.99') ? '1.2.840.10008.1.2.1' : transferSyntax;
  return guarded(() => dicomParser.parseDicom(body, { untilTag: 'x7fe00010', TransferSyntaxUID: syntax }));
}

/** dicom-parser throws strings, Errors and `{exception, dataSet}`; only its words tell a cut from a lie. */
function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const inner =
      typeof error === 'object' && error !== null && 'exception' in error ? error.exception : error;
    if (inner instanceof ImagingError) throw inner;
    const words = inner instanceof Error ? inner.message : String(inner);
    const cut = /past (the )?end|buffer overrun|greater than or equal to/.test(words);
    // No cause: the parser's error may carry the data set with it.
    throw new ImagingError(cut ? 'TRUNCATED' : 'CORRUPT');
  }
}

function readLayout(data: DataSet) {
  const rows = data.uint16('x00280010') ?? 0;
  const columns = data.uint16('x00280011') ?? 0;
  checkSize(rows, columns);
  const frames = data.string('x00280008')?.trim() ?? '1';
  if (!/^0*[1-9]\d*$/.test(frames)) throw new ImagingError('CORRUPT', 'The number of frames is no number.');
  if (Number(frames) !== 1) {
    throw new ImagingError(
      'LIMIT_EXCEEDED',
      'The file holds several frames; one slice is classified at a time.',
    );
  }
  const bitsAllocated = data.uint16('x00280100');
  const bitsStored = data.uint16('x00280101') ?? 0;
  const highBit = data.uint16('x00280102') ?? bitsStored - 1;
  const samples = data.uint16('x00280002') ?? 1;
  const photometric = data.string('x00280004')?.trim() ?? '';
  if (
    samples !== 1 ||
    !/^MONOCHROME[12]$/.test(photometric) ||
    (bitsAllocated !== 8 && bitsAllocated !== 16)
  ) {
    throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  }
  if (bitsStored < 1 || bitsStored > bitsAllocated || highBit < bitsStored - 1 || highBit >= bitsAllocated) {
    throw new ImagingError('CORRUPT', 'Bits Stored, High Bit and Bits Allocated contradict each other.');
  }
  const representation = data.uint16('x00280103') ?? 0;
  if (representation > 1) throw new ImagingError('CORRUPT', 'The Pixel Representation is neither 0 nor 1.');
  const inverted = photometric === 'MONOCHROME1';
  return {
    rows,
    columns,
    bitsAllocated,
    bitsStored,
    highBit,
    signed: representation === 1,
    inverted,
  } as const;
}

/** PS3.3 C.11.1: absent from an enhanced multi-frame object or a secondary capture, where a guess would be silent. */
function readRescale(data: DataSet): Rescale | undefined {
  const slope = decimal(data.string('x00281053'));
  const intercept = decimal(data.string('x00281052'));
  const unit = data.string('x00281054')?.trim() ?? '';
  if (slope === undefined || intercept === undefined || slope === 0 || (unit !== '' && unit !== 'HU'))
    return undefined;
  return { slope, intercept };
}

/** Padding is stored, not rescaled; a range limit (0028,0121) may lie on either side of the value (0028,0120). */
function readPadding(data: DataSet): Header['padding'] {
  const signed = data.uint16('x00280103') === 1;
  const read = (tag: string) => (signed ? data.int16(tag) : data.uint16(tag));
  const value = read('x00280120');
  if (value === undefined) return undefined;
  const limit = read('x00280121') ?? value;
  return { low: Math.min(value, limit), high: Math.max(value, limit) };
}

function decimal(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : undefined;
}
