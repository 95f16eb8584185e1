import { ImagingError } from '../errors.ts';
import { byPixel, decodeWith } from './codec.ts';
import type { Samples } from './codec.ts';
import {
  checkEnd,
  checkOrigin,
  checkTileParts,
  j2kCodestream,
  j2kHeader,
  jpegBaselineHeader,
  jpegLsHeader,
} from './codestream.ts';
import type { FrameHeader } from './codestream.ts';
import { decodeJpegLossless } from './jpeg-lossless/decode.ts';
import { decodeJpeg2000 } from './openjpeg.ts';
import { decodeRle } from './rle.ts';
import { cutBits, cutCoded } from './stored-bits.ts';
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
 * fragments joined. Bit exact for every packing that loses nothing; colour of JPEG baseline comes as RGB. Throws
 * ImagingError.
 */
export async function decodeFrame(frame: Uint8Array, layout: FrameLayout): Promise<Int32Array> {
  const { packing, rows, columns, samplesPerPixel } = layout;
  const bytesPerSample = bytesOf(layout);
  switch (packing) {
    case 'native-le':
    case 'native-be': {
      const samples = nativeSamples(frame, layout, bytesPerSample);
      return cutBits(layout.planar === 1 ? byPixel(samples, samplesPerPixel) : samples, layout);
    }
    case 'rle':
      return cutBits(decodeRle(frame, { pixels: rows * columns, samplesPerPixel, bytesPerSample }), layout);
    default: {
      const { samples, header } = await decodeCoded(packing, frame, layout);
      return cutCoded(samples, header, layout);
    }
  }
}

function bytesOf({ packing, bitsAllocated, photometric }: FrameLayout): 1 | 2 {
  if (bitsAllocated !== 8 && bitsAllocated !== 16) throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  // Bytes of a big-endian 8-bit frame may or may not be swapped in pairs, by its VR.
  if (packing === 'native-be' && bitsAllocated === 8) throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  // Half the colour is left out (PS3.3 C.7.6.3.1.2); only a JPEG puts it back.
  const halved = /_42[02]$/.test(photometric) && packing !== 'jpeg-baseline';
  if (halved) throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  return bitsAllocated === 8 ? 1 : 2;
}

/** The frame's own bytes as samples where they lie well, else a copy. */
function nativeSamples(frame: Uint8Array, layout: FrameLayout, bytesPerSample: 1 | 2): Samples {
  const count = layout.rows * layout.columns * layout.samplesPerPixel;
  if (frame.length !== count * bytesPerSample) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  if (bytesPerSample === 1) return frame;
  if (layout.packing === 'native-le' && frame.byteOffset % 2 === 0) {
    return new Uint16Array(frame.buffer, frame.byteOffset, count);
  }
  // Not slice(): of a Buffer, that is a view of the same memory.
  const own = new Uint8Array(frame);
  if (layout.packing === 'native-be') Buffer.from(own.buffer).swap16();
  return new Uint16Array(own.buffer);
}

type Coded = { readonly samples: Samples | Int32Array; readonly header: FrameHeader };

async function decodeCoded(
  packing: Exclude<Packing, 'native-le' | 'native-be' | 'rle'>,
  frame: Uint8Array,
  layout: FrameLayout,
): Promise<Coded> {
  if (packing === 'jpeg-lossless') return losslessJpeg(frame, layout);
  if (packing === 'jpeg-2000' || packing === 'htj2k') {
    const codestream = j2kCodestream(frame);
    const header = j2kHeader(codestream);
    agree(header, layout);
    checkTileParts(codestream);
    checkEnd(codestream);
    if (packing === 'jpeg-2000') return { samples: await decodeJpeg2000(codestream, header), header };
    // Its wrapper takes the image to begin there.
    checkOrigin(codestream);
    return { samples: await decodeWith('openjph', codestream, header), header };
  }
  return packing === 'jpeg-ls'
    ? decodeChecked('charls', frame, jpegLsHeader(frame), layout)
    : decodeChecked('libjpeg-turbo-8bit', frame, jpegBaselineHeader(frame), layout);
}

async function decodeChecked(
  name: Parameters<typeof decodeWith>[0],
  codestream: Uint8Array,
  header: FrameHeader,
  layout: FrameLayout,
): Promise<Coded> {
  agree(header, layout);
  checkEnd(codestream);
  return { samples: await decodeWith(name, codestream, header), header };
}

function losslessJpeg(frame: Uint8Array, layout: FrameLayout): Coded {
  let header: FrameHeader | undefined;
  const samples = decodeJpegLossless(frame, (found) => {
    header = { ...found, components: found.components.length, signed: false };
    agree(header, layout);
  });
  if (header === undefined) throw new ImagingError('CORRUPT');
  return { samples, header };
}

/** Before a decoder allocates anything. */
function agree(found: FrameHeader, layout: FrameLayout): void {
  if (
    found.rows !== layout.rows ||
    found.columns !== layout.columns ||
    found.components !== layout.samplesPerPixel ||
    found.bits > layout.bitsAllocated
  ) {
    throw new ImagingError(
      'PIXEL_LENGTH_MISMATCH',
      'The compressed frame is not of the size that the header declares.',
    );
  }
}
