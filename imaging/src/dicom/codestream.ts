import { ImagingError } from '../errors.ts';

/** What a compressed frame says of itself, read by us before a decoder allocates memory for it. */
export type FrameSize = { readonly rows: number; readonly columns: number; readonly components: number };

// A slice is one tile, or a few; each costs the decoder memory however empty it is.
const TILES_MAX = 1024;
const J2K_START = Uint8Array.of(0xff, 0x4f, 0xff, 0x51);

/** The codestream itself: some writers wrap it in a JP2 file, against PS3.5 A.4.4. */
export function j2kCodestream(frame: Uint8Array): Uint8Array {
  const at = Buffer.from(frame.buffer, frame.byteOffset, Math.min(frame.length, 1024)).indexOf(J2K_START);
  if (at === -1) throw new ImagingError('CORRUPT', 'The frame is no JPEG 2000 codestream.');
  return frame.subarray(at);
}

/** ISO/IEC 15444-1 A.5.1: SIZ follows SOC. */
export function j2kSize(codestream: Uint8Array): FrameSize {
  const view = new DataView(codestream.buffer, codestream.byteOffset, codestream.byteLength);
  if (codestream.length < 42) throw new ImagingError('TRUNCATED');
  const [x1, y1, x0, y0, tileWidth, tileHeight] = [8, 12, 16, 20, 24, 28].map((at) => view.getUint32(at)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (tileWidth === 0 || tileHeight === 0 || x1 <= x0 || y1 <= y0) throw new ImagingError('CORRUPT');
  if (Math.ceil(x1 / tileWidth) * Math.ceil(y1 / tileHeight) > TILES_MAX)
    throw new ImagingError('LIMIT_EXCEEDED');
  return { rows: y1 - y0, columns: x1 - x0, components: view.getUint16(40) };
}

/** ISO/IEC 14495-1 C.2.2: the frame header SOF55 comes after any number of other segments. */
export function jpegLsSize(frame: Uint8Array): FrameSize {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 4 || view.getUint16(0) !== 0xff_d8)
    throw new ImagingError('CORRUPT', 'The frame is no JPEG-LS.');
  let at = 2;
  while (at + 10 <= frame.length) {
    const marker = view.getUint16(at);
    if (marker < 0xff_01) throw new ImagingError('CORRUPT');
    if (marker === 0xff_f7) {
      return {
        rows: view.getUint16(at + 5),
        columns: view.getUint16(at + 7),
        components: view.getUint8(at + 9),
      };
    }
    at += 2 + view.getUint16(at + 2);
  }
  throw new ImagingError('TRUNCATED');
}

/** Both formats end with the marker FFD9; what lacks it was cut, and the decoders would fill the rest with guesses. */
export function checkEnd(frame: Uint8Array): void {
  let end = frame.length;
  // Fragments are padded to an even length: with 00, or (NEMA's own samples) with the fill byte FF.
  while (end > 2 && (frame[end - 1] === 0 || frame[end - 1] === 0xff)) end -= 1;
  if (frame[end - 2] !== 0xff || frame[end - 1] !== 0xd9) throw new ImagingError('TRUNCATED');
}
