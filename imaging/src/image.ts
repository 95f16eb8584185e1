import { ImagingError } from './errors.ts';

/** One CT slice in Hounsfield units, row by row from the top left. */
export type HuImage = {
  readonly kind: 'hu';
  readonly rows: number;
  readonly columns: number;
  /** HU, clipped to [-1024, 3071]; declared padding is -1024. */
  readonly pixels: Float32Array;
  readonly source: 'dicom';
  /** The UID. */
  readonly transferSyntax: string;
  /** MONOCHROME1: a display shows low values as white. HU do not depend on it; only a rendered picture follows. */
  readonly inverted?: boolean;
  /** mm between the centres of rows, then of columns; absent where the header does not say. */
  readonly pixelSpacing?: readonly [number, number];
  /** Body Part Examined, upper case; see SliceFacts. */
  readonly bodyPart?: string;
};

/** One grey picture, row by row from the top left. */
export type GreyImage = {
  readonly kind: 'grey';
  readonly rows: number;
  readonly columns: number;
  readonly bits: 8 | 16;
  readonly pixels: Uint8Array | Uint16Array;
  readonly source: 'png' | 'jpeg';
  /** 0 (every pixel is grey) to 1: how colourful the picture was before it became grey (see picture/colour.ts). */
  readonly colourfulness?: number;
};

export type Image = HuImage | GreyImage;

/** The range of a CT scanner's 12 bits; what lies outside is padding or metal. */
export const HU_MIN = -1024;
export const HU_MAX = 3071;

// CT matrices are 512 to 2048 wide. The cap is checked before anything is allocated.
const SIDE_MAX = 4096;

/** Refuses sizes that no slice has, before memory is asked for. */
export function checkSize(rows: number, columns: number): void {
  if (rows < 1 || columns < 1) throw new ImagingError('CORRUPT', 'Rows or columns are zero or absent.');
  if (rows > SIDE_MAX || columns > SIDE_MAX) {
    throw new ImagingError(
      'LIMIT_EXCEEDED',
      `The image has ${rows} rows and ${columns} columns; at most ${SIDE_MAX} of each are decoded.`,
    );
  }
}
