import { decodeDicom, isPart10 } from './dicom/open.ts';
import type { DecodeOptions } from './dicom/open.ts';
import { ImagingError } from './errors.ts';
import type { Image } from './image.ts';
import { decodePicture } from './picture/decode.ts';

const TIMEOUT_MS = 10_000;
const PNG_START = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const JPEG_START = Uint8Array.of(0xff, 0xd8, 0xff);

/**
 * Reads one image, DICOM, PNG or JPEG by its first bytes, whatever its name or declared type says. A cut, broken,
 * over-large or undecodable file rejects with an ImagingError; an abort with the signal's reason. `timeoutMs`
 * (default 10 s) bounds the decoding of this one file, not its wait for a free thread.
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Image> {
  const { signal, timeoutMs = TIMEOUT_MS } = options;
  signal?.throwIfAborted();
  if (isPart10(bytes)) return decodeDicom(bytes, { timeoutMs, signal });
  if (startsWith(bytes, PNG_START)) return decodePicture(bytes, 'png', { timeoutMs, signal });
  if (startsWith(bytes, JPEG_START)) return decodePicture(bytes, 'jpeg', { timeoutMs, signal });
  throw new ImagingError('NOT_AN_IMAGE');
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, k) => bytes[k] === byte);
}
