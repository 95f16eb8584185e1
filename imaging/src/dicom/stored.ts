import { ImagingError } from '../errors.ts';
import { decodeJpeg2000, decodeJpegLs } from './codec.ts';
import type { DecodedFrame } from './codec.ts';
import { joinFragments } from './fragments.ts';
import type { Header } from './header.ts';
import { decodeRle } from './rle.ts';

/**
 * The stored values of the slice (before any rescale), row by row: Bits Stored below High Bit, sign-extended by the
 * Pixel Representation. Bit exact for every packing that is decoded.
 */
export async function decodeStored(header: Header): Promise<Int32Array> {
  const { samples, bytesPerSample } = await unpack(header);
  if (bytesPerSample * 8 < header.bitsStored) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  const count = header.rows * header.columns;
  const raw = bytesPerSample === 1 ? samples : words(samples, header.packing === 'native-be');
  if (raw.length !== count) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  const stored = new Int32Array(count);
  // A codestream may carry another sign or more bits than the header says (J2K sign ≠ Pixel Representation): what
  // the header declares is cut out and extended by two shifts.
  const up = 31 - (bytesPerSample === 1 ? Math.min(header.highBit, 7) : header.highBit);
  const down = 32 - header.bitsStored;
  for (let at = 0; at < count; at += 1) {
    const aligned = (raw[at] ?? 0) << up;
    stored[at] = header.signed ? aligned >> down : aligned >>> down;
  }
  return stored;
}

async function unpack(header: Header): Promise<DecodedFrame> {
  const size = { rows: header.rows, columns: header.columns, components: 1 };
  const bytesPerSample = header.bitsAllocated === 8 ? 1 : 2;
  if (header.packing === 'native-le' || header.packing === 'native-be') {
    return { samples: nativeFrame(header, bytesPerSample), bytesPerSample };
  }
  if (!header.pixelData.encapsulated) {
    throw new ImagingError('CORRUPT', 'The transfer syntax is compressed, the Pixel Data are not.');
  }
  const frame = joinFragments(header.bytes, header.pixelData.offset);
  if (header.packing === 'rle') {
    return { samples: decodeRle(frame, size.rows * size.columns, bytesPerSample), bytesPerSample };
  }
  return header.packing === 'jpeg-ls' ? decodeJpegLs(frame, size) : decodeJpeg2000(frame, size);
}

function nativeFrame(header: Header, bytesPerSample: 1 | 2): Uint8Array {
  const { offset, length, encapsulated } = header.pixelData;
  if (encapsulated)
    throw new ImagingError('CORRUPT', 'The transfer syntax is not compressed, the Pixel Data are.');
  // Bytes of a big-endian 8-bit frame may or may not be swapped in pairs, by its VR.
  if (header.packing === 'native-be' && bytesPerSample === 1)
    throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  const expected = header.rows * header.columns * bytesPerSample;
  // An element has an even length: one byte of padding may follow an odd number of samples.
  if (length !== expected + (expected % 2)) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  if (offset + length > header.bytes.length) throw new ImagingError('TRUNCATED');
  return header.bytes.subarray(offset, offset + expected);
}

function words(samples: Uint8Array, bigEndian: boolean): Uint16Array {
  // Not slice(): of a Buffer, that is a view of the same memory.
  const aligned = new Uint8Array(samples);
  if (bigEndian) Buffer.from(aligned.buffer).swap16();
  const view = new DataView(aligned.buffer);
  const out = new Uint16Array(aligned.length / 2);
  for (let at = 0; at < out.length; at += 1) out[at] = view.getUint16(at * 2, true);
  return out;
}
