import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { writeOverlayPng } from '../src/index.ts';
import type { OverlayPicture } from '../src/index.ts';
import { overlayPicture } from '../src/report/overlay-picture.ts';
import { algorithm } from './report/fixtures.ts';
import { greyRamp, roundChest } from './synthetic-image.ts';

const aPicture = (over: Partial<OverlayPicture> = {}): OverlayPicture => ({
  algorithm,
  image: roundChest(),
  heat: { rows: 2, columns: 2, values: Float32Array.of(0, 0.3, 1, 0.6) },
  label: 'malignant',
  ...over,
});

const pixelsOf = async (png: Uint8Array) => {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return { ...info, data };
};

/** 256 columns: as wide as its words. */
const wide = (() => {
  const pixels = new Uint8Array(128 * 256).map((_, at) => at % 256);
  return { kind: 'grey', rows: 128, columns: 256, bits: 8, pixels, source: 'png' } as const;
})();

describe('an overlay as a PNG', () => {
  test('has the pixels of the secondary capture', async () => {
    const overlay = aPicture({ image: wide });
    const { data, width, height, channels } = await pixelsOf(await writeOverlayPng(overlay));
    expect([width, height, channels]).toEqual([256, 128, 3]);
    expect(data.equals(overlayPicture(overlay).pixels)).toBe(true);
  });

  test.each([
    ['Hounsfield units', roundChest(), 2],
    ['8 bits', greyRamp(8), 2],
    ['16 bits', greyRamp(16), 2],
  ])('of a small image of %s is enlarged, so that its words can be read', async (_, image, times) => {
    const whole = await pixelsOf(await writeOverlayPng(aPicture({ image })));
    expect([whole.width, whole.height]).toEqual([image.columns * times, image.rows * times]);
    // Hot at the bottom left in a region of its own: tinted there and nowhere else.
    const region = { top: 100, left: 10, rows: 8, columns: 8 };
    const heat = { rows: 1, columns: 1, values: Float32Array.of(1) };
    const { data, width } = await pixelsOf(await writeOverlayPng(aPicture({ image, heat, region })));
    const tinted = (row: number, column: number) => {
      const at = (row * width + column) * 3;
      return data[at] !== data[at + 2];
    };
    expect([tinted(200, 20), tinted(215, 35), tinted(199, 20), tinted(200, 36)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('frames the part that the model saw, on each side where the image goes on', () => {
    const heat = { rows: 1, columns: 1, values: Float32Array.of(0) };
    const even = { ...wide, pixels: new Uint8Array(128 * 256).fill(90) };
    const drawn = (region?: OverlayPicture['region']) => {
      const { pixels } = overlayPicture(aPicture({ image: even, heat, ...(region && { region }) }));
      return (row: number, column: number) => pixels[(row * 256 + column) * 3] !== 90;
    };
    const part = drawn({ top: 40, left: 0, rows: 40, columns: 100 });
    // Above, below and right of it; it begins at the left edge.
    expect([part(39, 50), part(80, 50), part(60, 100)]).toEqual([true, true, true]);
    expect([part(40, 50), part(79, 50), part(60, 99), part(60, 0)]).toEqual([false, false, false, false]);
    const whole = drawn();
    expect([whole(60, 0), whole(60, 150)]).toEqual([false, false]);
  });

  test('as a layer gives, laid over the image, the overlay', async () => {
    const overlay = aPicture({ image: wide });
    const layer = await pixelsOf(await writeOverlayPng(overlay, { layer: true }));
    expect(layer.channels).toBe(4);
    const want = overlayPicture(overlay).pixels;
    const laid = want.map((_, at) => {
      const pixel = Math.floor(at / 3);
      const alpha = (layer.data[pixel * 4 + 3] ?? 0) / 255;
      const grey = wide.pixels[pixel] ?? 0;
      return Math.round((layer.data[pixel * 4 + (at % 3)] ?? 0) * alpha + grey * (1 - alpha));
    });
    // Two roundings of a level each.
    expect(laid.every((value, at) => Math.abs(value - (want[at] ?? 0)) <= 2)).toBe(true);
  });
});
