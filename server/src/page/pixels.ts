import { endianness } from 'node:os';
import type { Image } from '@hilum/imaging';
import type { Pixels } from '@hilum/wire';

/** An image as `/v1/pixels` sends it: Hounsfield units rounded to whole ones, grey levels as they are. */
export function pixelsOf(image: Image): { readonly header: Pixels; readonly body: Buffer } {
  const { kind, rows, columns } = image;
  if (image.kind === 'grey') {
    const type = image.bits === 8 ? 'uint8' : 'uint16';
    return {
      header: { kind, type, rows, columns, pixelSpacing: null, inverted: false },
      body: littleEndian(image.pixels),
    };
  }
  const [betweenRows, betweenColumns] = image.pixelSpacing ?? [];
  const pixelSpacing: Pixels['pixelSpacing'] =
    betweenRows === undefined || betweenColumns === undefined ? null : [betweenRows, betweenColumns];
  return {
    header: { kind, type: 'int16', rows, columns, pixelSpacing, inverted: image.inverted === true },
    body: littleEndian(Int16Array.from(image.pixels, Math.round)),
  };
}

function littleEndian(pixels: Int16Array | Uint8Array | Uint16Array): Buffer {
  const bytes = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  if (pixels.BYTES_PER_ELEMENT === 2 && endianness() === 'BE') return Buffer.from(bytes).swap16();
  return bytes;
}
