import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import loadJpegLs from '@cornerstonejs/codec-charls/decodewasmjs';
import loadJpeg from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
import loadHtj2k from '@cornerstonejs/codec-openjph';
import { ImagingError } from '../errors.ts';
import type { CodecModule, CodecOptions, Decoder } from '@hilum/imaging/codec-factory';
import type { FrameHeader } from './codestream.ts';

export type CodecName = 'charls' | 'libjpeg-turbo-8bit' | 'openjph';

/** Samples as a codestream holds them, by pixel; an array of its own memory. */
export type Samples = Uint8Array | Uint16Array | Int16Array;

type Codec = { readonly create: () => Decoder; readonly heap: () => Uint8Array };

// WASM memory grows and never shrinks: a codec that one file blew up is thrown away.
const HEAP_MAX_BYTES = 256 * 1024 * 1024;

const require = createRequire(import.meta.url);
const loaded = new Map<CodecName, Promise<Codec>>();

/**
 * Decodes a codestream whose header and end were found sound. Throws CORRUPT where the decoder fails or answers
 * with another size than the header's, and PIXEL_FORMAT_UNSUPPORTED where its wrapper is known to lose values.
 */
export async function decodeWith(
  name: CodecName,
  codestream: Uint8Array,
  header: FrameHeader,
): Promise<Samples> {
  // OpenJPH's wrapper clamps bytes to 0-255, and what it makes of colour over 8 bits nobody has checked.
  if (name === 'openjph' && (header.bits <= 8 ? header.signed : header.components > 1)) {
    throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  }
  const codec = await codecOf(name);
  try {
    const decoder = codec.create();
    decoder.getEncodedBuffer(codestream.length).set(codestream);
    decoder.decode();
    const info = decoder.getFrameInfo();
    const decoded = decoder.getDecodedBuffer();
    // A view of the WASM memory is freed with the decoder; a copy is ours already.
    const bytes = decoded.buffer === codec.heap().buffer ? decoded.slice() : decoded;
    const planes = decoder.getInterleaveMode?.() === 0 && header.components > 1;
    decoder.delete();
    const bytesPerSample = header.bits <= 8 ? 1 : 2;
    if (
      info.height !== header.rows ||
      info.width !== header.columns ||
      info.componentCount !== header.components ||
      info.bitsPerSample !== header.bits ||
      bytes.length !== header.rows * header.columns * header.components * bytesPerSample
    ) {
      throw undecodable();
    }
    if (codec.heap().length > HEAP_MAX_BYTES) loaded.delete(name);
    const samples = typed(bytes, bytesPerSample, header.signed);
    return planes ? byPixel(samples, header.components) : samples;
  } catch (error) {
    // After a C++ exception or an abort the module's memory is in no known state; the next file gets a new one.
    loaded.delete(name);
    throw error instanceof ImagingError ? error : undecodable();
  }
}

/** From one plane after the other to the components of a pixel side by side. */
export function byPixel(planes: Samples, components: number): Samples {
  // Not slice(): of a Buffer, that is a view of the same memory.
  const out = blank(planes);
  const plane = planes.length / components;
  for (let component = 0; component < components; component += 1) {
    const from = component * plane;
    for (let at = 0; at < plane; at += 1) out[at * components + component] = planes[from + at] ?? 0;
  }
  return out;
}

function blank(like: Samples): Samples {
  if (like instanceof Uint8Array) return new Uint8Array(like.length);
  return like instanceof Uint16Array ? new Uint16Array(like.length) : new Int16Array(like.length);
}

// Little-endian, as WebAssembly is, and every machine that Node.js has an image for but one (s390x).
function typed(bytes: Uint8Array | Uint8ClampedArray, bytesPerSample: 1 | 2, signed: boolean): Samples {
  if (bytesPerSample === 1) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes.length / 2;
  return signed
    ? new Int16Array(bytes.buffer, bytes.byteOffset, count)
    : new Uint16Array(bytes.buffer, bytes.byteOffset, count);
}

async function codecOf(name: CodecName): Promise<Codec> {
  const present = loaded.get(name);
  if (present !== undefined) return present;
  const loading = load(name);
  loaded.set(name, loading);
  return loading;
}

async function load(name: CodecName): Promise<Codec> {
  const binary = name === 'openjph' ? 'wasm' : 'decodewasm';
  const wasmBinary = await readFile(require.resolve(`@cornerstonejs/codec-${name}/${binary}`));
  // Decoders print what they dislike; nothing of a file goes to a log.
  const silent = { wasmBinary, print: ignore, printErr: ignore };
  return loaders[name](silent);
}

const loaders: Readonly<Record<CodecName, (options: CodecOptions) => Promise<Codec>>> = {
  charls: async (options) => codecFrom(await loadJpegLs(options), 'JpegLSDecoder'),
  'libjpeg-turbo-8bit': async (options) => codecFrom(await loadJpeg(options), 'JPEGDecoder'),
  openjph: async (options) => codecFrom(await loadHtj2k(options), 'HTJ2KDecoder'),
};

function codecFrom<Name extends string>(module: CodecModule<Name>, decoder: Name): Codec {
  return { create: () => new module[decoder](), heap: () => module.HEAPU8 };
}

function ignore(): void {}

function undecodable(): ImagingError {
  return new ImagingError('CORRUPT', 'The compressed frame does not decode.');
}
