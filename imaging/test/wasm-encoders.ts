import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import loadCharls from '@cornerstonejs/codec-charls/wasmjs';
import loadOpenjpeg from '@cornerstonejs/codec-openjpeg/wasmjs';
import loadOpenjph from '@cornerstonejs/codec-openjph/wasmjs';
import sharp from 'sharp';
import type { Encoder, WaveletEncoder } from '@hilum/imaging/encoder';

/** A picture to encode: samples by pixel (or by plane, where the encoder takes planes). */
export type Picture = {
  readonly rows: number;
  readonly columns: number;
  readonly components: 1 | 3;
  readonly bits: number;
  readonly signed: boolean;
  readonly samples: readonly number[];
};

const require = createRequire(import.meta.url);
const options = async (name: string) => ({
  wasmBinary: await readFile(require.resolve(`@cornerstonejs/codec-${name}/wasm`)),
  print: () => {},
  printErr: () => {},
});

/** `interleave`: 0 the samples are planes, 1 and 2 they are by pixel and coded by line or by sample. */
export async function encodeJpegLs(picture: Picture, interleave: 0 | 1 | 2 = 0): Promise<Uint8Array> {
  const encoder = new (await loadCharls(await options('charls'))).JpegLSEncoder();
  encoder.setInterleaveMode(interleave);
  return encode(encoder, picture);
}

/** By sharp: the encoder beside our decoder of JPEG writes over its memory. */
export async function encodeJpeg(picture: Picture, progressive = false): Promise<Uint8Array> {
  const { rows, columns, components, samples } = picture;
  const raw = { width: columns, height: rows, channels: components } as const;
  const pipeline = sharp(Uint8Array.from(samples), { raw }).jpeg({ quality: 100, progressive });
  return new Uint8Array(await (components === 1 ? pipeline.toColourspace('b-w') : pipeline).toBuffer());
}

/** How JPEG 2000 is encoded, where it is not the encoder's own choice. */
export type Wavelet = {
  readonly lossless?: boolean;
  /** Of a layer, with loss. */
  readonly ratio?: number;
  readonly progression?: number;
  readonly decompositions?: number;
  /** Columns and rows of a code-block, powers of two. */
  readonly block?: readonly [number, number];
  readonly tile?: readonly [number, number];
};

export async function encodeJpeg2000(picture: Picture, how: Wavelet = {}): Promise<Uint8Array> {
  const encoder = new (await loadOpenjpeg(await options('openjpeg'))).J2KEncoder();
  if (how.decompositions !== undefined) encoder.setDecompositions(how.decompositions);
  if (how.block !== undefined) encoder.setBlockDimensions(size(how.block));
  if (how.tile !== undefined) encoder.setTileSize(size(how.tile));
  if (how.ratio !== undefined) encoder.setCompressionRatio(0, how.ratio);
  return encodeWavelet(encoder, picture, how.progression, how.lossless);
}

export async function encodeHtj2k(picture: Picture, progression = 2): Promise<Uint8Array> {
  return encodeWavelet(
    new (await loadOpenjph(await options('openjph'))).HTJ2KEncoder(),
    picture,
    progression,
  );
}

const size = ([width, height]: readonly [number, number]) => ({ width, height });

function encodeWavelet(
  encoder: WaveletEncoder,
  picture: Picture,
  progression = 0,
  lossless = true,
): Uint8Array {
  encoder.setQuality(lossless, 0);
  encoder.setProgressionOrder(progression);
  return encode(encoder, picture);
}

function encode(encoder: Encoder, { rows, columns, components, bits, signed, samples }: Picture): Uint8Array {
  const info = {
    width: columns,
    height: rows,
    bitsPerSample: bits,
    componentCount: components,
    isSigned: signed,
  };
  const source = encoder.getDecodedBuffer({ ...info, isUsingColorTransform: components === 3 });
  source.set(bits <= 8 ? samples : new Uint8Array(Int16Array.from(samples).buffer));
  encoder.encode();
  const encoded = encoder.getEncodedBuffer().slice();
  encoder.delete();
  return encoded;
}
