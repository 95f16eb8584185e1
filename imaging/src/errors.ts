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
  CONTRACT_MISMATCH: {
    status: 422,
    text: 'The model was trained on another kind of image than this one.',
  },
  LIMIT_EXCEEDED: { status: 413, text: 'The image is larger than a single slice may be.' },
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
