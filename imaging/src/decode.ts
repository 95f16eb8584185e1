import { decodeInWorker } from './dicom/pool.ts';
import { ImagingError } from './errors.ts';
import type { Image } from './image.ts';
import { decodePicture } from './picture/decode.ts';

const TIMEOUT_MS = 10_000;
const PNG_START = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const JPEG_START = Uint8Array.of(0xff, 0xd8, 0xff);
const DICOM_PREAMBLE_BYTES = 128;
const DICOM_START = Uint8Array.from(Buffer.from('DICM'));

/**
 * Reads one image, DICOM, PNG or JPEG by its first bytes, whatever its name or declared type says. A cut, broken,
 * over-large or undecodable file rejects with an ImagingError; an abort with the signal's reason. `timeoutMs`
 * (default 10 s) bounds the decoding of this one file, not its wait for a free thread.
 */
export async function decodeImage(
  bytes: Uint8Array,
  options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined } = {},
): Promise<Image> {
  const { signal, timeoutMs = TIMEOUT_MS } = options;
  signal?.throwIfAborted();
  if (startsWith(bytes, DICOM_START, DICOM_PREAMBLE_BYTES)) {
    return decodeInWorker(bytes, { timeoutMs, signal });
  }
  if (startsWith(bytes, PNG_START, 0)) return decodePicture(bytes, 'png', { timeoutMs, signal });
  if (startsWith(bytes, JPEG_START, 0)) return decodePicture(bytes, 'jpeg', { timeoutMs, signal });
  throw new ImagingError('NOT_AN_IMAGE');
}

function startsWith(bytes: Uint8Array, start: Uint8Array, at: number): boolean {
  return bytes.length >= at + start.length && start.every((byte, k) => bytes[at + k] === byte);
}
