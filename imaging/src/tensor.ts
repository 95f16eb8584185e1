import type { Contract, Window } from './contract.ts';
import type { Seen } from './domain/check.ts';
import { ImagingError } from './errors.ts';
import type { GreyImage, HuImage, Image } from './image.ts';
import { frameHu } from './lung/frame.ts';
import type { Square } from './lung/frame.ts';
import { resize } from './resize.ts';
import type { Plane, Rows } from './resize.ts';

/** Something the reader of an answer has to know about how the image was read. */
export type Warning = { readonly code: 'RENDERED'; readonly message: string };

const RENDERED: Warning = {
  code: 'RENDERED',
  message:
    'The CT slice was rendered to grey by the window of a model that was trained on pictures; ' +
    'research use only, not for diagnosis.',
};

/** ImageNet's means in the order B, G, R, as the Caffe VGG16 was trained and Keras ported it. */
export const CAFFE_MEANS = [103.939, 116.779, 123.68] as const;

/**
 * The network's input for one image: `inputSize * inputSize * 3` float32, row, column, channel (HWC), channels B, G,
 * R, each 0..255 less its ImageNet mean. Pure; in the order: spacing and the crop to the lungs in HU (see
 * lung/frame.ts), grey levels 0..255 (windows for HU), the crop to the centre, resize (see resize.ts), channels.
 * Whether the image is of the contract's domain is for checkDomain to say, before; what it saw may be handed on.
 *
 * Throws ImagingError CONTRACT_MISMATCH when the image is not of the kind the model was trained on, PIXEL_LENGTH_MISMATCH
 * when the image contradicts itself, and what frameHu throws.
 */
export function toTensor(
  image: Image,
  contract: Contract,
  seen: Seen = {},
): { readonly tensor: Float32Array; readonly warnings: readonly Warning[] } {
  if (image.pixels.length !== image.rows * image.columns) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  const { levels, warnings } = greyLevels(image, contract, seen);
  const size = contract.inputSize;
  const planes = levels.map((plane) =>
    resize(contract.crop === 'center-square' ? centreSquare(plane) : plane, size, size),
  );
  return { tensor: interleaveBgr(planes, size), warnings };
}

/** One plane (grey) or three (R, G, B), 0..255. */
function greyLevels(
  image: Image,
  contract: Contract,
  seen: Seen,
): { readonly levels: readonly Rows[]; readonly warnings: readonly Warning[] } {
  if (contract.kind === 'hu') {
    if (image.kind === 'grey') {
      throw new ImagingError(
        'CONTRACT_MISMATCH',
        'The model reads Hounsfield units; a PNG or JPEG has none. Send the DICOM slice.',
      );
    }
    const slice = frameHu(image, contract, seen.lungs);
    return { levels: contract.windows.map((window) => windowed(slice, window)), warnings: [] };
  }
  if (image.kind === 'grey') return { levels: [scaled(image)], warnings: [] };
  if (contract.window === undefined) {
    throw new ImagingError(
      'CONTRACT_MISMATCH',
      'The model was trained on grey pictures and its contract names no window to render a DICOM slice by.',
    );
  }
  const picture = windowed(image, contract.window);
  return { levels: [image.inverted === true ? inverted(picture) : picture], warnings: [RENDERED] };
}

/** PS3.3 C.11.2.1.2.1, the linear function, to 0..255; not rounded. */
function windowed({ rows, columns, pixels }: HuImage, { center, width }: Window): Rows {
  const middle = center - 0.5;
  const low = middle - (width - 1) / 2;
  const high = middle + (width - 1) / 2;
  const read = (row: number, into: Float64Array): void => {
    for (let at = 0, from = row * columns; at < into.length; at += 1, from += 1) {
      const hu = pixels[from] ?? 0;
      if (hu <= low) into[at] = 0;
      else if (hu > high) into[at] = 255;
      else into[at] = ((hu - middle) / (width - 1) + 0.5) * 255;
    }
  };
  return { rows, columns, read };
}

function scaled({ rows, columns, bits, pixels }: GreyImage): Rows {
  // 65535 / 257 = 255 exactly.
  const divisor = bits === 16 ? 257 : 1;
  const read = (row: number, into: Float64Array): void => {
    const from = row * columns;
    if (divisor === 1) {
      into.set(pixels.subarray(from, from + columns));
      return;
    }
    for (let at = 0; at < into.length; at += 1) into[at] = (pixels[from + at] ?? 0) / divisor;
  };
  return { rows, columns, read };
}

function inverted({ rows, columns, read }: Rows): Rows {
  const readInverted = (row: number, into: Float64Array): void => {
    read(row, into);
    for (let at = 0; at < into.length; at += 1) into[at] = 255 - (into[at] ?? 0);
  };
  return { rows, columns, read: readInverted };
}

function centreSquare(plane: Rows): Rows {
  const { columns, read } = plane;
  const { top, left, side } = squareInCentre(plane);
  const whole = new Float64Array(columns);
  const readPart = (row: number, into: Float64Array): void => {
    read(top + row, whole);
    into.set(whole.subarray(left, left + side));
  };
  return { rows: side, columns: side, read: readPart };
}

/** The largest centred square; an odd remainder leaves its extra pixel at the bottom or right. */
export function squareInCentre({ rows, columns }: Pick<Rows, 'rows' | 'columns'>): Square {
  const side = Math.min(rows, columns);
  return { top: Math.floor((rows - side) / 2), left: Math.floor((columns - side) / 2), side };
}

function interleaveBgr(planes: readonly Plane[], size: number): Float32Array {
  const tensor = new Float32Array(size * size * 3);
  for (const [channel, mean] of CAFFE_MEANS.entries()) {
    const values = planes.length === 1 ? planes[0]?.values : planes[2 - channel]?.values;
    if (values === undefined) throw new TypeError('a tensor is made of one plane or three');
    for (let at = 0; at < values.length; at += 1) tensor[at * 3 + channel] = (values[at] ?? 0) - mean;
  }
  return tensor;
}
