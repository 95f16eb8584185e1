/** The files that both sides decode: real ones, and HTJ2K, which we encode as no real file of it is at hand. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import loadHtj2k from '@cornerstonejs/codec-openjph/wasmjs';
import { storedValues } from './ours.ts';
import type { Peer } from './peer.ts';

export type BenchFile = {
  readonly name: string;
  readonly syntax: string;
  readonly bytes: Uint8Array;
  /** How far a stored value may be from the peer's: decoders of lossy formats may round differently. */
  readonly tolerance: 0 | 1;
  /** Bits Allocated, in bytes. */
  readonly bytesPerPixel: 1 | 2;
};

const repository = resolve(import.meta.dirname, '../..');
const data = resolve(repository, process.env['HILUM_DATA'] ?? '../shared/data', 'dicom');

/** Why nothing can be decoded, or false. */
export const noData: string | false = existsSync(data)
  ? false
  : 'no data: set HILUM_DATA to the folder of real images';

export const dataPath = (path: string): string => resolve(data, path);

type Known = readonly [name: string, syntax: string, unlike?: Partial<BenchFile>];

/** Every slice is 512 × 512; one row of the bench each. */
const TIMED: readonly Known[] = [
  ['transfer-syntaxes/CTImage_implicit-le_1.2.dcm', 'Implicit LE .1.2'],
  ['transfer-syntaxes/CT1_explicit-le_1.2.1.dcm', 'Explicit LE .1.2.1'],
  ['transfer-syntaxes/CTImage_deflated_1.99.dcm', 'Deflated .1.2.1.99'],
  ['transfer-syntaxes/CTImage_explicit-be_2.dcm', 'Explicit BE .1.2.2'],
  ['transfer-syntaxes/CT1_rle_5.dcm', 'RLE .5'],
  [
    'transfer-syntaxes/CTImage_jpeg-baseline8_4.50.dcm',
    'JPEG baseline .50',
    { tolerance: 1, bytesPerPixel: 1 },
  ],
  ['transfer-syntaxes/CTImage_jpeg-lossless_4.57.dcm', 'JPEG lossless .57'],
  ['transfer-syntaxes/CT1_jpeg-lossless-sv1_4.70.dcm', 'JPEG lossless SV1 .70'],
  ['transfer-syntaxes/CT1_jpegls-lossless_4.80.dcm', 'JPEG-LS .80'],
  ['transfer-syntaxes/CT1_jpegls-near_4.81.dcm', 'JPEG-LS near .81'],
  ['transfer-syntaxes/CT1_j2k-lossless_4.90.dcm', 'JPEG 2000 lossless .90'],
  ['out-of-domain/CT2_head_j2k-lossless_4.90.dcm', 'JPEG 2000 lossless .90'],
  ['transfer-syntaxes/CT1_j2k_4.91.dcm', 'JPEG 2000 .91'],
];

/** Decoded as well, but of another size, or unusual: only compared. */
const COMPARED: readonly Known[] = [
  ['transfer-syntaxes/CT_small_explicit-le.dcm', 'Explicit LE .1.2.1'],
  ['transfer-syntaxes/MR_small_j2k-lossless_4.90.dcm', 'JPEG 2000 lossless .90'],
  ['traps/J2K_pixelrep_mismatch.dcm', 'JPEG 2000 lossless .90'],
  ['traps/SC_rgb_rle_2frame.dcm', 'RLE .5', { bytesPerPixel: 1 }],
  ['traps/bad_sequence.dcm', 'JPEG lossless SV1 .70'],
  ['traps/image_dfl.dcm', 'Deflated .1.2.1.99', { bytesPerPixel: 1 }],
  ...Array.from(
    { length: 20 },
    (_, k) => [`series-LungFCP-01-0001/1-0${24 + k}.dcm`, 'Explicit LE .1.2.1'] as const,
  ),
];

export async function timedFiles(peer: Peer): Promise<readonly BenchFile[]> {
  return [...TIMED.map(realFile), ...(await htj2kFiles(peer))];
}

export function comparedFiles(): readonly BenchFile[] {
  return COMPARED.map(realFile);
}

function realFile([name, syntax, unlike]: Known): BenchFile {
  const usual = { tolerance: 0, bytesPerPixel: 2 } as const;
  return { name, syntax, bytes: readFileSync(dataPath(name)), ...usual, ...unlike };
}

const SLICE = 'transfer-syntaxes/CT1_explicit-le_1.2.1.dcm';
const RPCL = 2;

type Htj2k = {
  readonly uid: string;
  readonly syntax: string;
  readonly lossless: boolean;
  readonly order?: number;
};

const HTJ2K: readonly Htj2k[] = [
  { uid: '1.2.840.10008.1.2.4.201', syntax: 'HTJ2K lossless .201', lossless: true },
  { uid: '1.2.840.10008.1.2.4.202', syntax: 'HTJ2K lossless RPCL .202', lossless: true, order: RPCL },
  { uid: '1.2.840.10008.1.2.4.203', syntax: 'HTJ2K .203', lossless: false },
];

// Of the range of values; coarse enough that the irreversible wavelet is really used and bits are really dropped.
const QUANTIZATION_STEP = 0.0005;

async function htj2kFiles(peer: Peer): Promise<readonly BenchFile[]> {
  const wasmBinary = readFileSync(
    createRequire(import.meta.url).resolve('@cornerstonejs/codec-openjph/wasm'),
  );
  const openjph = await loadHtj2k({ wasmBinary, print: ignore, printErr: ignore });
  const stored = new Int16Array(await storedValues(readFileSync(dataPath(SLICE))));
  const files: BenchFile[] = [];
  for (const { uid, syntax, lossless, order } of HTJ2K) {
    const encoder = new openjph.HTJ2KEncoder();
    const frame = { width: 512, height: 512, bitsPerSample: 16, componentCount: 1 };
    encoder
      .getDecodedBuffer({ ...frame, isSigned: true, isUsingColorTransform: false })
      .set(new Uint8Array(stored.buffer));
    encoder.setQuality(lossless, QUANTIZATION_STEP);
    if (order !== undefined) encoder.setProgressionOrder(order);
    encoder.encode();
    const codestream = encoder.getEncodedBuffer().slice();
    encoder.delete();
    const bytes = await peer.wrap(dataPath(SLICE), uid, codestream);
    files.push({
      name: 'transfer-syntaxes/CT1 encoded by OpenJPH',
      syntax,
      bytes,
      tolerance: lossless ? 0 : 1,
      bytesPerPixel: 2,
    });
  }
  return files;
}

function ignore(): void {}
