import { ImagingError } from '../errors.ts';
import { decodeJpeg2000, decodeJpegLs } from './codec.ts';
import type { DecodedFrame } from './codec.ts';
import { joinFragments } from './fragments.ts';
import type { Header } from './header.ts';
import { decodeRle } from './rle.ts';
import type { Packing } from './transfer-syntax.ts';

/** How the samples of every frame of one DICOM object lie in its bytes. */
export type FrameLayout = {
  readonly packing: Packing;
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: 1 | 3;
  /** Planar Configuration of native pixels: 0 by pixel, 1 by plane. The compressed have their own order. */
  readonly planar: 0 | 1;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  /** Photometric Interpretation (0028,0004). */
  readonly photometric: string;
};

/**
 * The stored values (before any rescale) of one frame: rows × columns × samples per pixel, row by row, colour by
 * pixel; Bits Stored below High Bit, sign-extended by the Pixel Representation. `frame` is its native bytes, or its
 * fragments joined. Bit exact for every packing that loses nothing. Throws ImagingError.
 */
export async function decodeFrame(frame: Uint8Array, layout: FrameLayout): Promise<Int32Array> {
  if (layout.bitsAllocated !== 8 && layout.bitsAllocated !== 16)
    throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  const { samples, bytesPerSample } = await unpack(frame, layout, layout.bitsAllocated === 8 ? 1 : 2);
  if (bytesPerSample * 8 < layout.bitsStored) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  const count = layout.rows * layout.columns;
  const raw = bytesPerSample === 1 ? samples : words(samples, layout.packing === 'native-be');
  if (raw.length !== count) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  const stored = new Int32Array(count);
  // A codestream may carry another sign or more bits than the header says (J2K sign ≠ Pixel Representation): what
  // the header declares is cut out and extended by two shifts.
  const up = 31 - (bytesPerSample === 1 ? Math.min(layout.highBit, 7) : layout.highBit);
  const down = 32 - layout.bitsStored;
  for (let at = 0; at < count; at += 1) {
    const aligned = (raw[at] ?? 0) << up;
    stored[at] = layout.signed ? aligned >> down : aligned >>> down;
  }
  return stored;
}

/** The one frame of a file of one frame. */
export async function decodeStored(header: Header): Promise<Int32Array> {
  const { bytes, packing, pixelData } = header;
  const native = packing === 'native-le' || packing === 'native-be';
  if (native === pixelData.encapsulated)
    throw new ImagingError('CORRUPT', 'The transfer syntax and the Pixel Data disagree: one is compressed.');
  const layout = { ...header, samplesPerPixel: 1, planar: 0, photometric: 'MONOCHROME2' } as const;
  if (!native) return decodeFrame(joinFragments(bytes, pixelData.offset), layout);
  const expected = header.rows * header.columns * (header.bitsAllocated === 8 ? 1 : 2);
  // An element has an even length: one byte of padding may follow an odd number of samples.
  if (pixelData.length !== expected + (expected % 2)) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  if (pixelData.offset + pixelData.length > bytes.length) throw new ImagingError('TRUNCATED');
  return decodeFrame(bytes.subarray(pixelData.offset, pixelData.offset + expected), layout);
}

async function unpack(frame: Uint8Array, layout: FrameLayout, bytesPerSample: 1 | 2): Promise<DecodedFrame> {
  const size = { rows: layout.rows, columns: layout.columns, components: layout.samplesPerPixel };
  switch (layout.packing) {
    case 'native-be':
      // Bytes of a big-endian 8-bit frame may or may not be swapped in pairs, by its VR.
      if (bytesPerSample === 1) throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
      return { samples: frame, bytesPerSample };
    case 'native-le':
      return { samples: frame, bytesPerSample };
    case 'rle':
      return { samples: decodeRle(frame, size.rows * size.columns, bytesPerSample), bytesPerSample };
    case 'jpeg-ls':
      return decodeJpegLs(frame, size);
    case 'jpeg-2000':
      return decodeJpeg2000(frame, size);
  }
}

function words(samples: Uint8Array, bigEndian: boolean): Uint16Array {
  // Not slice(): of a Buffer, that is a view of the same memory.
  const aligned = new Uint8Array(samples);
  if (bigEndian) Buffer.from(aligned.buffer).swap16();
  return new Uint16Array(aligned.buffer);
}
