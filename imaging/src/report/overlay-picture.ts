import sharp from 'sharp';
import type { Window } from '../contract.ts';
import type { Image } from '../image.ts';
import type { Algorithm } from './document.ts';
import { caption, frame, greyPicture, scale, tint } from './picture.ts';
import type { HeatMap, Region, Rgb } from './picture.ts';

/** A heat map and the slice that it explains. */
export type OverlayPicture = {
  readonly algorithm: Algorithm;
  /** The slice, at full size. */
  readonly image: Image;
  readonly heat: HeatMap;
  /** Where the heat map lies in the image; all of it by default. */
  readonly region?: Region | undefined;
  /** For Hounsfield units; lung, -600/1500, by default. */
  readonly window?: Window | undefined;
  /** Of the hottest place, 0 to 1; 0.5 by default. */
  readonly opacity?: number | undefined;
  /** The class whose score the heat map explains. */
  readonly label: string;
};

export const LUNG: Window = { center: -600, width: 1500 };
export const OPACITY = 0.5;

/** Grey slice, heat, scale, words. */
export function overlayPicture(overlay: OverlayPicture): Rgb {
  const picture = greyPicture(overlay.image, overlay.window ?? LUNG);
  draw(picture, overlay);
  return picture;
}

/**
 * The same as a PNG, of the image's own size; an image too small for the words is enlarged by a whole number, each pixel
 * repeated. `layer` leaves the slice out: what has no heat is transparent, so that the picture can be laid over the image
 * by a page, stretched to its size; the words stay in.
 *
 * Throws RangeError where the region leaves the image or the opacity lies outside 0 to 1.
 */
export async function writeOverlayPng(
  overlay: OverlayPicture,
  { layer = false }: { readonly layer?: boolean } = {},
): Promise<Uint8Array> {
  const large = enlarged(overlay);
  const { rows: height, columns: width, pixels } = layer ? layerPicture(large) : overlayPicture(large);
  const channels = layer ? 4 : 3;
  return sharp(pixels, { raw: { width, height, channels } }).png({ compressionLevel: 6 }).toBuffer();
}

// As wide as the longest line of the caption.
const WIDTH = 256;

function enlarged(overlay: OverlayPicture): OverlayPicture {
  const { image } = overlay;
  const times = Math.ceil(WIDTH / image.columns);
  if (times === 1) return overlay;
  const { top, left, rows, columns } = regionOf(overlay);
  const region = { top: top * times, left: left * times, rows: rows * times, columns: columns * times };
  return { ...overlay, image: repeated(image, times), region };
}

function repeated(image: Image, times: number): Image {
  const [rows, columns] = [image.rows * times, image.columns * times];
  const level = (at: number): number => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return image.pixels[Math.floor(row / times) * image.columns + Math.floor(column / times)] ?? 0;
  };
  const length = rows * columns;
  if (image.kind === 'hu') {
    return { ...image, rows, columns, pixels: Float32Array.from({ length }, (_, at) => level(at)) };
  }
  const pixels = image.bits === 16 ? new Uint16Array(length) : new Uint8Array(length);
  for (let at = 0; at < length; at += 1) pixels[at] = level(at);
  return { ...image, rows, columns, pixels };
}

/** RGBA: what the same drawing over black and over white has in common. */
function layerPicture(overlay: OverlayPicture): Rgb {
  const [black, white] = [drawnOver(0, overlay), drawnOver(255, overlay)];
  const count = black.rows * black.columns;
  const pixels = new Uint8Array(count * 4);
  for (let at = 0; at < count; at += 1) {
    const alpha = 255 - ((white.pixels[at * 3] ?? 0) - (black.pixels[at * 3] ?? 0));
    if (alpha === 0) continue;
    for (const channel of [0, 1, 2]) {
      const colour = ((black.pixels[at * 3 + channel] ?? 0) * 255) / alpha;
      pixels[at * 4 + channel] = Math.min(255, Math.round(colour));
    }
    pixels[at * 4 + 3] = alpha;
  }
  return { ...black, pixels };
}

function drawnOver(level: number, overlay: OverlayPicture): Rgb {
  const { rows, columns } = overlay.image;
  const picture = { rows, columns, pixels: new Uint8Array(rows * columns * 3).fill(level) };
  draw(picture, overlay);
  return picture;
}

/** Heat, the frame of what was seen, scale, words. */
function draw(picture: Rgb, overlay: OverlayPicture): void {
  const { heat, label, algorithm } = overlay;
  const opacity = opacityOf(overlay);
  const region = regionOf(overlay);
  tint(picture, heat, { region, opacity });
  frame(picture, region);
  scale(picture, opacity);
  caption(picture, 'RESEARCH USE ONLY - NOT FOR DIAGNOSIS', [
    `GRAD-CAM OF CLASS ${label}`,
    `${algorithm.name} ${algorithm.version}`,
  ]);
}

function opacityOf({ opacity = OPACITY }: OverlayPicture): number {
  if (!(opacity >= 0 && opacity <= 1)) throw new RangeError('the opacity lies outside 0 to 1');
  return opacity;
}

function regionOf({ image, region }: OverlayPicture): Region {
  return region ?? { top: 0, left: 0, rows: image.rows, columns: image.columns };
}
