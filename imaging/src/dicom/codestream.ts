import { ImagingError } from '../errors.ts';
import { Marker, jpegFrame } from './jpeg-markers.ts';

/** What a compressed frame says of itself, read by us before a decoder allocates memory for it. */
export type FrameHeader = {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  /** Bits of a sample: its precision, not the bits it is kept in. */
  readonly bits: number;
  readonly signed: boolean;
};

// A slice is one tile, or a few; each costs the decoder memory however empty it is.
const TILES_MAX = 1024;
const J2K_START = Uint8Array.of(0xff, 0x4f, 0xff, 0x51);
const SOT = 0xff_90;
const EOC = 0xff_d9;

/** The codestream itself: some writers wrap it in a JP2 file, against PS3.5 A.4.4. */
export function j2kCodestream(frame: Uint8Array): Uint8Array {
  const at = Buffer.from(frame.buffer, frame.byteOffset, Math.min(frame.length, 1024)).indexOf(J2K_START);
  if (at === -1) throw new ImagingError('CORRUPT', 'The frame is no JPEG 2000 codestream.');
  return frame.subarray(at);
}

/**
 * ISO/IEC 15444-1 A.5.1: SIZ follows SOC. Components that are not alike, or not one sample a pixel, are
 * PIXEL_FORMAT_UNSUPPORTED.
 */
export function j2kHeader(codestream: Uint8Array): FrameHeader {
  const view = new DataView(codestream.buffer, codestream.byteOffset, codestream.byteLength);
  if (codestream.length < 45) throw new ImagingError('TRUNCATED');
  const components = view.getUint16(40);
  if (components === 0 || view.getUint16(4) !== 38 + 3 * components) throw new ImagingError('CORRUPT');
  if (codestream.length < 42 + 3 * components) throw new ImagingError('TRUNCATED');
  const columns = j2kAxis(view, 8);
  const rows = j2kAxis(view, 12);
  if (columns.tiles * rows.tiles > TILES_MAX) throw new ImagingError('LIMIT_EXCEEDED');
  const depth = view.getUint8(42);
  const alike = Array.from({ length: components }, (_, at) => 42 + 3 * at).every(
    (at) => view.getUint8(at) === depth && view.getUint16(at + 1) === 0x01_01,
  );
  if (!alike) throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  return {
    rows: rows.samples,
    columns: columns.samples,
    components,
    bits: (depth & 0x7f) + 1,
    signed: depth >= 0x80,
  };
}

/** One axis of the image: its end is at `at` of SIZ, then by 8 its offset, its tiles' size and their offset (B.2, B.3). */
function j2kAxis(view: DataView, at: number): { readonly samples: number; readonly tiles: number } {
  const [end = 0, from = 0, tile = 0, tileFrom = 0] = [0, 8, 16, 24].map((by) => view.getUint32(at + by));
  if (from >= end || tileFrom > from || tileFrom + tile <= from) throw new ImagingError('CORRUPT');
  return { samples: end - from, tiles: Math.ceil((end - tileFrom) / tile) };
}

/** Throws PIXEL_FORMAT_UNSUPPORTED where the image or its tiles begin off the origin. */
export function checkOrigin(codestream: Uint8Array): void {
  const view = new DataView(codestream.buffer, codestream.byteOffset, codestream.byteLength);
  if ([16, 20, 32, 36].some((at) => view.getUint32(at) !== 0)) {
    throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  }
}

/**
 * Follows the tile-parts by their lengths (A.4.2) to the end of the codestream: both decoders read what is cut as
 * far as it goes, and fill the rest with guesses. Throws TRUNCATED or CORRUPT.
 */
export function checkTileParts(codestream: Uint8Array): void {
  const view = new DataView(codestream.buffer, codestream.byteOffset, codestream.byteLength);
  const need = (to: number) => {
    if (to > codestream.length) throw new ImagingError('TRUNCATED');
  };
  let at = 2;
  for (need(at + 4); view.getUint16(at) !== SOT; need(at + 4)) {
    // Every segment of the main header has a length (A.1.2).
    const length = view.getUint16(at + 2);
    if (view.getUint16(at) < 0xff_50 || length < 2) throw new ImagingError('CORRUPT');
    at += 2 + length;
  }
  for (;;) {
    need(at + 2);
    if (view.getUint16(at) === EOC) return;
    need(at + 12);
    if (view.getUint16(at) !== SOT) throw new ImagingError('CORRUPT');
    const length = view.getUint32(at + 6);
    // The last one may leave its length out: it ends at EOC, which checkEnd has seen.
    if (length === 0) return;
    if (length < 14) throw new ImagingError('CORRUPT');
    at += length;
  }
}

/** ISO/IEC 14495-1 C.2.2: the frame header SOF55. */
export function jpegLsHeader(frame: Uint8Array): FrameHeader {
  const { marker, bits, rows, columns, components } = jpegFrame(frame);
  if (marker !== Marker.jpegLs) throw new ImagingError('CORRUPT', 'The frame is no JPEG-LS.');
  return { rows, columns, components: components.length, bits, signed: false };
}

/** ISO/IEC 10918-1 B.2.2, of the baseline process, or of the extended one in its 8 bits: sequential, Huffman coded. */
export function jpegBaselineHeader(frame: Uint8Array): FrameHeader {
  const { marker, bits, rows, columns, components } = jpegFrame(frame);
  if (marker !== Marker.baseline && marker !== Marker.extended) {
    throw new ImagingError('CORRUPT', 'The frame is no baseline JPEG.');
  }
  return { rows, columns, components: components.length, bits, signed: false };
}

// Fragments are padded to an even length: with 00, with the fill byte FF (NEMA's own samples), or with a blank or a line
// end by writers who took them for text.
const PADS: ReadonlySet<number | undefined> = new Set([0x00, 0xff, 0x20, 0x0a, 0x0d]);

/** All formats end with the marker FFD9; what lacks it was cut, and the decoders would fill the rest with guesses. */
export function checkEnd(frame: Uint8Array): void {
  let end = frame.length;
  while (end > 2 && PADS.has(frame[end - 1])) end -= 1;
  if (frame[end - 2] !== 0xff || frame[end - 1] !== 0xd9) throw new ImagingError('TRUNCATED');
}
