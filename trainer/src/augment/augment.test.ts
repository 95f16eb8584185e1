import type { GreyImage, HuImage, Image } from '@hilum/imaging';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AugmentationRecipe } from '../recipe.ts';
import { augmented } from './augment.ts';

const NONE: AugmentationRecipe = {
  copies: 3,
  rotationDegrees: 0,
  shiftPercent: 0,
  scalePercent: 0,
  noise: 0,
};
const ALL: AugmentationRecipe = {
  ...NONE,
  rotationDegrees: 10,
  shiftPercent: 5,
  scalePercent: 10,
  noise: 20,
};
const COPY = { seed: 7, copy: 1, imageDigest: 'a' };

function slice(value: (row: number, column: number) => number, side = 64): HuImage {
  return {
    kind: 'hu',
    rows: side,
    columns: side,
    pixels: Float32Array.from({ length: side * side }, (_, at) => value(Math.floor(at / side), at % side)),
    source: 'dicom',
    transferSyntax: '1.2.840.10008.1.2.1',
    pixelSpacing: [0.7, 0.7],
    bodyPart: 'CHEST',
  };
}

function picture(bits: 8 | 16, level: number, side = 64): GreyImage {
  const pixels = (bits === 16 ? new Uint16Array(side * side) : new Uint8Array(side * side)).fill(level);
  return { kind: 'grey', rows: side, columns: side, bits, pixels, source: 'png', colourfulness: 0 };
}

function deviation(values: ArrayLike<number>): { readonly mean: number; readonly deviation: number } {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  const squares = all.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / all.length) };
}

const SIDE = 65;
const MIDDLE = 32;

/** What 60 copies of a slice are measured to be. */
function measured(
  image: HuImage,
  change: Partial<AugmentationRecipe>,
  measure: (pixels: Float32Array) => number,
): readonly number[] {
  return Array.from({ length: 60 }, (_, at) => {
    const { pixels } = augmented(image, { ...NONE, ...change }, { ...COPY, copy: at + 1 });
    return measure(Float32Array.from(pixels));
  });
}

/** Whether values go to either side, nearly as far as they may and no further. */
function fills(values: readonly number[], most: number): boolean {
  const [least, highest] = [Math.min(...values), Math.max(...values)];
  const isFar = highest > 0.75 * most && least < -0.75 * most;
  return isFar && highest < 1.02 * most && least > -1.02 * most;
}

/** Where a bright dot lies, from the centre: [down, right], in pixels. */
function dotOf(pixels: Float32Array): readonly [number, number] {
  let [sum, down, right] = [0, 0, 0];
  for (const [at, hu] of pixels.entries()) {
    sum += hu + 1000;
    down += (hu + 1000) * (Math.floor(at / SIDE) - MIDDLE);
    right += (hu + 1000) * ((at % SIDE) - MIDDLE);
  }
  return [down / sum, right / sum];
}

const dot = (row: number, column: number): HuImage =>
  slice((r, c) => (Math.hypot(r - row, c - column) < 3 ? 0 : -1000), SIDE);

const gradient = slice((row, column) => row * 10 - column * 5);

describe('augmented', () => {
  it('gives the very image for copy 0, and for a recipe of zeros', () => {
    expect(augmented(gradient, ALL, { ...COPY, copy: 0 })).toBe(gradient);
    expect(augmented(gradient, NONE, COPY)).toBe(gradient);
  });

  it('is a function of seed, copy and image, whatever was made before', () => {
    const first = augmented(gradient, ALL, COPY);
    augmented(gradient, ALL, { ...COPY, copy: 2 });
    expect(augmented(gradient, ALL, COPY)).toEqual(first);
  });

  it.each([
    ['seed', { seed: 8 }],
    ['copy', { copy: 2 }],
    ['image', { imageDigest: 'b' }],
  ] as const)('differs by %s', (_, change) => {
    expect(augmented(gradient, ALL, { ...COPY, ...change }).pixels).not.toEqual(
      augmented(gradient, ALL, COPY).pixels,
    );
  });

  it('leaves the pixels of the image alone', () => {
    const kept = gradient.pixels.slice();
    augmented(gradient, ALL, COPY);
    expect(gradient.pixels).toEqual(kept);
  });

  it('keeps size, spacing and every other fact', () => {
    const sixteen = picture(16, 900);
    for (const image of [gradient, sixteen, picture(8, 9)] satisfies Image[]) {
      const { pixels, ...facts } = augmented(image, ALL, COPY);
      const { pixels: before, ...expected } = image;
      expect(facts).toEqual(expected);
      expect(pixels.constructor).toBe(before.constructor);
      expect(pixels).toHaveLength(before.length);
    }
  });

  describe('changes by no more than the recipe says, to either side', () => {
    it('shift, of either axis by its own amount', () => {
      const change = { shiftPercent: 10 };
      const centre = dot(MIDDLE, MIDDLE);
      const down = measured(centre, change, (pixels) => dotOf(pixels)[0]);
      const right = measured(centre, change, (pixels) => dotOf(pixels)[1]);
      expect(fills(down, 6.5)).toBe(true);
      expect(fills(right, 6.5)).toBe(true);
      expect(
        down.map((value, at) => Math.abs(value - (right[at] ?? 0))).filter((apart) => apart < 0.1).length,
      ).toBeLessThan(10);
    });

    it('rotation', () => {
      const degrees = measured(dot(MIDDLE, MIDDLE + 20), { rotationDegrees: 10 }, (pixels) => {
        const [down, right] = dotOf(pixels);
        return (-Math.atan2(down, right) * 180) / Math.PI;
      });
      expect(fills(degrees, 10)).toBe(true);
    });

    it('scale', () => {
      const percent = measured(
        dot(MIDDLE, MIDDLE + 20),
        { scalePercent: 10 },
        (pixels) => (dotOf(pixels)[1] / 20 - 1) * 100,
      );
      expect(fills(percent, 10)).toBe(true);
    });

    it('and turns in millimetres where a pixel is not square', () => {
      const flat = { ...dot(MIDDLE, MIDDLE + 20), pixelSpacing: [2, 1] as const };
      const millimetres = measured(flat, { rotationDegrees: 60 }, (pixels) => {
        const [down, right] = dotOf(pixels);
        return Math.hypot(2 * down, right);
      });
      expect(Math.max(...millimetres)).toBeLessThan(20.5);
      expect(Math.min(...millimetres)).toBeGreaterThan(19.5);
    });
  });

  it('never mirrors: what is on the left stays on the left', () => {
    const heart = slice((row, column) => (Math.hypot(row - 32, column - 44) < 8 ? 50 : -800));
    for (let copy = 1; copy <= 40; copy += 1) {
      const { pixels } = augmented(heart, { ...ALL, noise: 0 }, { ...COPY, copy });
      const bright = [...pixels.entries()].filter(([, hu]) => hu > -100).map(([at]) => at % 64);
      expect(bright.length).toBeGreaterThan(100);
      expect(bright.reduce((sum, column) => sum + column, 0) / bright.length).toBeGreaterThan(36);
    }
  });

  it.each([
    ['HU of a slice', slice(() => 40, 128), 12, 12],
    ['levels of 255', picture(8, 128, 128), 12, 12],
    ['levels of 255 in 16 bits', picture(16, 30_000, 128), 12, 12 * 257],
  ] as const)('adds noise of the deviation that is asked for: %s', (_, image, noise, want) => {
    const found = deviation(augmented(image, { ...NONE, noise }, COPY).pixels);
    // 16,384 pixels: the deviation is known to half a percent, the mean to a hundredth of it.
    expect(found.deviation / want).toBeCloseTo(1, 1);
    expect(Math.abs(found.mean - (image.pixels[0] ?? 0)) / want).toBeLessThan(0.04);
  });

  it('keeps HU within -1024 to 3071 and levels within their bits, and padding as it is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        fc.double({ min: 0, max: 3000, noNaN: true }),
        (seed, noise) => {
          const metal = slice((row) => [-1024, -1000, 0, 3071][row % 4] ?? 0, 16);
          const out = augmented(metal, { ...NONE, noise }, { ...COPY, seed }).pixels;
          expect(Math.min(...out)).toBeGreaterThanOrEqual(-1024);
          expect(Math.max(...out)).toBeLessThanOrEqual(3071);
          expect(metal.pixels.every((hu, at) => hu !== -1024 || out[at] === -1024)).toBe(true);
          const black = augmented(picture(8, 0, 8), { ...NONE, noise }, { ...COPY, seed }).pixels;
          expect(new Set(black)).toEqual(new Set([0]));
        },
      ),
      { numRuns: 30 },
    );
  });
});
