import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import loadJpegLs from '@cornerstonejs/codec-charls/decodewasmjs';
import loadJpeg2000 from '@cornerstonejs/codec-openjpeg/decodewasmjs';
import { ImagingError } from '../errors.ts';
import type { Decoder } from '@hilum/imaging/codec-factory';
import { checkEnd, j2kCodestream, j2kSize, jpegLsSize } from './codestream.ts';
import type { FrameSize } from './codestream.ts';

type CodecName = 'charls' | 'openjpeg';
type Codec = { readonly create: () => Decoder; readonly heapBytes: () => number };

/** The samples of one frame, little-endian; `bytesPerSample` as the codestream has it, not as the DICOM header. */
export type DecodedFrame = { readonly samples: Uint8Array; readonly bytesPerSample: 1 | 2 };

// WASM memory grows and never shrinks: a codec that one file blew up is thrown away.
const HEAP_MAX_BYTES = 256 * 1024 * 1024;

const require = createRequire(import.meta.url);
const loaded = new Map<CodecName, Promise<Codec>>();

/** JPEG-LS (.80, .81) by CharLS. */
export async function decodeJpegLs(frame: Uint8Array, size: FrameSize): Promise<DecodedFrame> {
  checkEnd(frame);
  agree(jpegLsSize(frame), size);
  return decode('charls', frame, size);
}

/** JPEG 2000 (.90, .91) by OpenJPEG. */
export async function decodeJpeg2000(frame: Uint8Array, size: FrameSize): Promise<DecodedFrame> {
  const codestream = j2kCodestream(frame);
  checkEnd(codestream);
  agree(j2kSize(codestream), size);
  return decode('openjpeg', codestream, size);
}

async function decode(name: CodecName, frame: Uint8Array, size: FrameSize): Promise<DecodedFrame> {
  const codec = await codecOf(name);
  try {
    const decoder = codec.create();
    decoder.getEncodedBuffer(frame.length).set(frame);
    decoder.decode();
    const { height, width, componentCount, bitsPerSample } = decoder.getFrameInfo();
    agree({ rows: height, columns: width, components: componentCount }, size);
    const bytesPerSample = bitsPerSample <= 8 ? 1 : 2;
    const samples = decoder.getDecodedBuffer().slice();
    decoder.delete();
    if (bitsPerSample > 16 || samples.length !== size.rows * size.columns * bytesPerSample) {
      throw new ImagingError('PIXEL_LENGTH_MISMATCH');
    }
    if (codec.heapBytes() > HEAP_MAX_BYTES) loaded.delete(name);
    return { samples, bytesPerSample };
  } catch (error) {
    // After a C++ exception or an abort the module's memory is in no known state; the next file gets a new one.
    loaded.delete(name);
    if (error instanceof ImagingError) throw error;
    throw new ImagingError('CORRUPT', 'The compressed frame does not decode.');
  }
}

async function codecOf(name: CodecName): Promise<Codec> {
  const present = loaded.get(name);
  if (present !== undefined) return present;
  const loading = load(name);
  loaded.set(name, loading);
  return loading;
}

async function load(name: CodecName): Promise<Codec> {
  const wasmBinary = await readFile(require.resolve(`@cornerstonejs/codec-${name}/decodewasm`));
  // Decoders print what they dislike; nothing of a file goes to a log.
  const silent = { wasmBinary, print: ignore, printErr: ignore };
  if (name === 'charls') {
    const charls = await loadJpegLs(silent);
    return { create: () => new charls.JpegLSDecoder(), heapBytes: () => charls.HEAPU8.length };
  }
  const openjpeg = await loadJpeg2000(silent);
  return { create: () => new openjpeg.J2KDecoder(), heapBytes: () => openjpeg.HEAPU8.length };
}

function ignore(): void {}

function agree(found: FrameSize, declared: FrameSize): void {
  if (
    found.rows !== declared.rows ||
    found.columns !== declared.columns ||
    found.components !== declared.components
  ) {
    throw new ImagingError(
      'PIXEL_LENGTH_MISMATCH',
      'The compressed frame is not of the size that the header declares.',
    );
  }
}
