import { crc32 } from 'node:zlib';
import { ImagingError } from '../errors.ts';

/** What a picture's own header declares. */
export type Declared = { readonly rows: number; readonly columns: number; readonly bits: 8 | 16 };

const PNG_SIGNATURE_BYTES = 8;

/**
 * Walks a PNG's chunks to IEND, checking each CRC. libpng stops at the last row it wants, so a file cut behind its
 * pixels, or one whose checksum is wrong, would pass otherwise.
 */
export function checkPng(bytes: Uint8Array): Declared {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let declared: Declared | undefined;
  let at = PNG_SIGNATURE_BYTES;
  for (;;) {
    if (at + 12 > bytes.length) throw new ImagingError('TRUNCATED');
    const length = view.getUint32(at);
    const end = at + 12 + length;
    if (end > bytes.length) throw new ImagingError('TRUNCATED');
    const type = String.fromCodePoint(...bytes.subarray(at + 4, at + 8));
    if (crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw new ImagingError('CORRUPT', 'A PNG chunk does not match its checksum.');
    }
    if ((type === 'IHDR') !== (declared === undefined)) throw new ImagingError('CORRUPT');
    if (type === 'IHDR') {
      if (length !== 13) throw new ImagingError('CORRUPT');
      declared = {
        columns: view.getUint32(at + 8),
        rows: view.getUint32(at + 12),
        bits: view.getUint8(at + 16) === 16 ? 16 : 8,
      };
    }
    if (type === 'IEND' && declared !== undefined) return declared;
    at = end;
  }
}

const JPEG_SOI_BYTES = 2;
const SOS = 0xda;
const EOI = 0xd9;
// A decoder walks over the whole image once per scan, and one that says nothing takes 30 bytes; libvips hears of no
// deadline until the last. Encoders write 1 to 10.
const SCANS_MAX = 64;
// SOF0-2: baseline, extended, progressive (Huffman). C4, C8 and CC are no frame headers; the rest is lossless,
// hierarchical or arithmetic, which neither libjpeg-turbo nor any scanner's export uses.
const SOF_DECODED = new Set([0xc0, 0xc1, 0xc2]);
const SOF_OTHER = new Set([0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]);

/** Walks a JPEG's segments and scans to EOI: libjpeg fills what is missing with grey and only warns. */
export function checkJpeg(bytes: Uint8Array): Declared {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let declared: Declared | undefined;
  let scans = 0;
  let at = JPEG_SOI_BYTES;
  for (;;) {
    if (at + 2 > bytes.length) throw new ImagingError('TRUNCATED');
    if (bytes[at] !== 0xff) throw new ImagingError('CORRUPT', 'The JPEG has bytes between its segments.');
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === EOI) {
      if (declared === undefined) throw new ImagingError('CORRUPT', 'The JPEG holds no frame.');
      return declared;
    }
    if (SOF_OTHER.has(marker)) throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
    if (at + 4 > bytes.length) throw new ImagingError('TRUNCATED');
    const length = view.getUint16(at + 2);
    if (length < 2) throw new ImagingError('CORRUPT');
    if (at + 2 + length > bytes.length) throw new ImagingError('TRUNCATED');
    if (SOF_DECODED.has(marker)) declared = frameHeader(view, at, length);
    at += 2 + length;
    if (marker !== SOS) continue;
    scans += 1;
    if (scans > SCANS_MAX) throw new ImagingError('LIMIT_EXCEEDED', 'The JPEG has more scans than are read.');
    at = endOfScan(bytes, at);
  }
}

function frameHeader(view: DataView, at: number, length: number): Declared {
  if (length < 8) throw new ImagingError('CORRUPT');
  if (view.getUint8(at + 4) !== 8) {
    throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED', 'A JPEG of other than 8 bits is not decoded.');
  }
  return { rows: view.getUint16(at + 5), columns: view.getUint16(at + 7), bits: 8 };
}

/** The first marker after entropy-coded data: FF00 is a stuffed byte, FFD0-D7 are restarts, FFFF is fill. */
function endOfScan(bytes: Uint8Array, start: number): number {
  let at = bytes.indexOf(0xff, start);
  while (at !== -1) {
    const next = bytes[at + 1];
    if (next === undefined) break;
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
    at = bytes.indexOf(0xff, at + 1);
  }
  throw new ImagingError('TRUNCATED');
}
