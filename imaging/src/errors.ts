/**
 * Every refusal of this room: what it means and which HTTP status a server answers with. A caller compares by
 * `code`; the text is for people. No text ever holds a value of a DICOM attribute that could name a patient.
 */
export const IMAGING_CODES = {
  NOT_AN_IMAGE: { status: 415, text: 'The bytes are neither DICOM (Part 10), PNG nor JPEG.' },
  TRUNCATED: { status: 422, text: 'The image ends before its declared end.' },
  CORRUPT: { status: 422, text: 'The image breaks the rules of its own format.' },
  PIXEL_LENGTH_MISMATCH: {
    status: 422,
    text: 'The pixel data do not have the size that rows, columns and bits call for.',
  },
  PIXEL_FORMAT_UNSUPPORTED: {
    status: 422,
    text: 'Samples per pixel, bits or colour model are not among those that can be classified.',
  },
  TRANSFER_SYNTAX_UNSUPPORTED: {
    status: 422,
    text: 'The DICOM transfer syntax is not among those that can be decoded exactly.',
  },
  NOT_CT: { status: 422, text: 'The DICOM modality is not CT.' },
  HU_UNKNOWN: {
    status: 422,
    text: 'Rescale slope and intercept to Hounsfield units are absent, unusable or of another unit.',
  },
  NOT_CHEST: {
    status: 422,
    text: 'The image is not of the chest: the header names another body part, or no lung is seen.',
  },
  OUT_OF_DOMAIN: {
    status: 422,
    text: 'The picture does not look like a CT slice.',
  },
  LOCALIZER: { status: 422, text: 'The image is a localiser (scout), not an axial slice.' },
  LOSSY_TOO_STRONG: {
    status: 422,
    text: 'The image was compressed with more loss than a finding can stand.',
  },
  GEOMETRY_UNKNOWN: {
    status: 422,
    text: 'Position, orientation or pixel spacing are absent, and this model needs them.',
  },
  SEVERAL_FRAMES: {
    status: 422,
    text: 'The file holds several frames where one slice is expected; read it as a series.',
  },
  SERIES_EMPTY: { status: 422, text: 'No slice of the series can be classified.' },
  SERIES_GAP: { status: 422, text: 'Slices of the series are missing.' },
  SERIES_MIXED: {
    status: 422,
    text: 'The series mixes orientations, matrices, reconstruction kernels or frames of reference.',
  },
  SERIES_DUPLICATE: {
    status: 422,
    text: 'Two slices of the series lie at one position and show different pixels.',
  },
  NOT_AXIAL: {
    status: 422,
    text: 'The slices are coronal, sagittal or steeply oblique; axial ones are classified.',
  },
  SERIES_TILTED: {
    status: 422,
    text: 'The gantry was tilted: the slices are not stacked along their normal, and this model needs them to be.',
  },
  CONTRACT_MISMATCH: {
    status: 422,
    text: 'The model was trained on another kind of image than this one.',
  },
  BURNED_IN_SUSPECTED: {
    status: 422,
    text: 'The pixels may hold text that names the patient, which de-identification does not remove.',
  },
  LIMIT_EXCEEDED: { status: 413, text: 'The image is larger, deeper or longer than is read.' },
  DECODE_TIMEOUT: { status: 422, text: 'The image took too long to decode and was given up.' },
} as const satisfies Record<string, { readonly status: number; readonly text: string }>;

export type ImagingCode = keyof typeof IMAGING_CODES;

/** A refusal of one image, never a bug: `code` is one of IMAGING_CODES. */
export class ImagingError extends Error {
  override readonly name = 'ImagingError';
  readonly code: ImagingCode;

  constructor(code: ImagingCode, message: string = IMAGING_CODES[code].text, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
