import { ImagingError } from '../errors.ts';

/** How the pixels of a transfer syntax are packed; absent for those we do not decode. */
export type Packing =
  | 'native-le'
  | 'native-be'
  | 'rle'
  | 'jpeg-baseline'
  | 'jpeg-lossless'
  | 'jpeg-ls'
  | 'jpeg-2000'
  | 'htj2k';

type TransferSyntax = { readonly name: string; readonly packing?: Packing };

// PS3.6 table A-1. What has no packing here is refused by its name: no decoder that is exact for it is at hand
// (12-bit JPEG and what was retired with it, JPEG XL), or it is no still image. See ADR 8.
const syntaxes: Readonly<Record<string, TransferSyntax>> = {
  '1.2.840.10008.1.2': { name: 'Implicit VR Little Endian', packing: 'native-le' },
  '1.2.840.10008.1.2.1': { name: 'Explicit VR Little Endian', packing: 'native-le' },
  '1.2.840.10008.1.2.1.99': { name: 'Deflated Explicit VR Little Endian', packing: 'native-le' },
  '1.2.840.10008.1.2.2': { name: 'Explicit VR Big Endian', packing: 'native-be' },
  '1.2.840.10008.1.2.4.50': { name: 'JPEG Baseline (Process 1)', packing: 'jpeg-baseline' },
  '1.2.840.10008.1.2.4.51': { name: 'JPEG Extended (Process 2 and 4)' },
  '1.2.840.10008.1.2.4.53': { name: 'JPEG Spectral Selection (Process 6 and 8, retired)' },
  '1.2.840.10008.1.2.4.55': { name: 'JPEG Full Progression (Process 10 and 12, retired)' },
  '1.2.840.10008.1.2.4.57': { name: 'JPEG Lossless (Process 14)', packing: 'jpeg-lossless' },
  '1.2.840.10008.1.2.4.70': {
    name: 'JPEG Lossless (Process 14, Selection Value 1)',
    packing: 'jpeg-lossless',
  },
  '1.2.840.10008.1.2.4.80': { name: 'JPEG-LS Lossless', packing: 'jpeg-ls' },
  '1.2.840.10008.1.2.4.81': { name: 'JPEG-LS Near-Lossless', packing: 'jpeg-ls' },
  '1.2.840.10008.1.2.4.90': { name: 'JPEG 2000 Lossless Only', packing: 'jpeg-2000' },
  '1.2.840.10008.1.2.4.91': { name: 'JPEG 2000', packing: 'jpeg-2000' },
  '1.2.840.10008.1.2.4.92': { name: 'JPEG 2000 Part 2 Multi-component Lossless Only' },
  '1.2.840.10008.1.2.4.93': { name: 'JPEG 2000 Part 2 Multi-component' },
  '1.2.840.10008.1.2.4.94': { name: 'JPIP Referenced' },
  '1.2.840.10008.1.2.4.95': { name: 'JPIP Referenced Deflate' },
  '1.2.840.10008.1.2.4.110': { name: 'JPEG XL Lossless' },
  '1.2.840.10008.1.2.4.111': { name: 'JPEG XL JPEG Recompression' },
  '1.2.840.10008.1.2.4.112': { name: 'JPEG XL' },
  '1.2.840.10008.1.2.4.201': { name: 'High-Throughput JPEG 2000 Lossless Only', packing: 'htj2k' },
  '1.2.840.10008.1.2.4.202': {
    name: 'High-Throughput JPEG 2000 with RPCL Options Lossless Only',
    packing: 'htj2k',
  },
  '1.2.840.10008.1.2.4.203': { name: 'High-Throughput JPEG 2000', packing: 'htj2k' },
  '1.2.840.10008.1.2.5': { name: 'RLE Lossless', packing: 'rle' },
};

/** The packing of a transfer syntax, or its refusal by name. */
export function packingOf(uid: string): Packing {
  const syntax = Object.hasOwn(syntaxes, uid) ? syntaxes[uid] : undefined;
  if (syntax?.packing !== undefined) return syntax.packing;
  // What is not shaped like a UID is not repeated: it could be anything.
  const shown = /^[0-9.]{1,64}$/.test(uid) ? uid : 'not a UID';
  throw new ImagingError(
    'TRANSFER_SYNTAX_UNSUPPORTED',
    `The transfer syntax ${syntax?.name ?? 'of this file'} (${shown}) is not decoded; ` +
      'send it uncompressed, RLE, JPEG lossless, JPEG-LS or JPEG 2000.',
  );
}

/** The name of a transfer syntax by PS3.6, of those listed here. */
export function nameOf(uid: string): string | undefined {
  return Object.hasOwn(syntaxes, uid) ? syntaxes[uid]?.name : undefined;
}
