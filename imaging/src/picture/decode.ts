import sharp from 'sharp';
import { ImagingError } from '../errors.ts';
import { checkSize } from '../image.ts';
import type { GreyImage } from '../image.ts';
import { colourfulness } from './colour.ts';
import { checkJpeg, checkPng } from './structure.ts';

type Patience = { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined };

/**
 * A PNG or JPEG as grey levels. The file's structure is checked to its end and its size before libvips sees it.
 * Colour becomes grey by the weights of ITU-R BT.601; where red, green and blue are equal the level is exact.
 * Embedded colour profiles are ignored: a grey level is a number here, not a look.
 */
export async function decodePicture(
  bytes: Uint8Array,
  source: 'png' | 'jpeg',
  { timeoutMs, signal }: Patience,
): Promise<GreyImage> {
  const { rows, columns, bits } = source === 'png' ? checkPng(bytes) : checkJpeg(bytes);
  checkSize(rows, columns);
  const { data, channels } = await decodeRaw(bytes, bits, timeoutMs);
  signal?.throwIfAborted();
  const levels =
    bits === 16
      ? new Uint16Array(new Uint8Array(data).buffer)
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (levels.length !== rows * columns * channels) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  return {
    kind: 'grey',
    rows,
    columns,
    bits,
    pixels: toGrey(levels, channels, bits),
    source,
    colourfulness: colourfulness(levels, channels, bits),
  };
}

async function decodeRaw(bytes: Uint8Array, bits: 8 | 16, timeoutMs: number) {
  try {
    const pipeline = sharp(bytes, { failOn: 'warning', ignoreIcc: true, sequentialRead: true }).timeout({
      seconds: Math.min(3600, Math.max(1, Math.ceil(timeoutMs / 1000))),
    });
    const { space, hasAlpha } = await pipeline.metadata();
    if (!/^(b-w|grey16|srgb|rgb|rgb16)$/.test(space)) throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
    const grey = space === 'b-w' || space === 'grey16';
    // Without a colour space named, libvips brings 16 bits down to 8, and gives grey three times over. Grey named with an
    // alpha channel would lose that.
    const eight = grey && !hasAlpha ? pipeline.toColourspace('b-w') : pipeline;
    const wide = bits === 16 ? pipeline.toColourspace(grey ? 'grey16' : 'rgb16') : eight;
    const { data, info } = await wide
      .raw({ depth: bits === 16 ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { data, channels: info.channels };
  } catch (error) {
    if (error instanceof ImagingError) throw error;
    const late = error instanceof Error && /timeout/i.test(error.message);
    throw new ImagingError(late ? 'DECODE_TIMEOUT' : 'CORRUPT', undefined, { cause: error });
  }
}

/** One level per pixel; what is transparent is black. */
function toGrey(levels: Uint8Array | Uint16Array, channels: number, bits: 8 | 16): Uint8Array | Uint16Array {
  if (channels === 1) return levels;
  const count = levels.length / channels;
  const grey = bits === 16 ? new Uint16Array(count) : new Uint8Array(count);
  const opaque = 2 ** bits - 1;
  for (let at = 0; at < count; at += 1) {
    const from = at * channels;
    const level = channels < 3 ? (levels[from] ?? 0) : luma(levels, from);
    const alpha = channels === 2 || channels === 4 ? (levels[from + channels - 1] ?? 0) : opaque;
    grey[at] = Math.round((level * alpha) / opaque);
  }
  return grey;
}

function luma(levels: Uint8Array | Uint16Array, at: number): number {
  const red = levels[at] ?? 0;
  const green = levels[at + 1] ?? 0;
  const blue = levels[at + 2] ?? 0;
  return (299 * red + 587 * green + 114 * blue) / 1000;
}
