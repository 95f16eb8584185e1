import { describe, expect, test } from 'vitest';
import { defaultContract, heatInImage, tensorRegion, toTensor } from '../src/index.ts';
import type { Contract, HuImage, Image } from '../src/index.ts';
import { greyRamp, roundChest } from './synthetic-image.ts';

const SIZE = 96;
const hu = (over: object): Contract => ({ ...defaultContract('hu', SIZE), ...over });
const grey = (over: object): Contract => ({
  ...defaultContract('grey', SIZE, { center: -600, width: 1500 }),
  ...over,
});

// In the lung that lies on the left of the image; rows, columns.
const NODULE = [58, 60] as const;
const withNodule = (image: HuImage): HuImage => {
  const pixels = image.pixels.slice();
  for (const down of [-1, 0, 1]) {
    for (const across of [-1, 0, 1]) {
      pixels[(NODULE[0] + down) * image.columns + NODULE[1] + across] = -300;
    }
  }
  return { ...image, pixels };
};

/** Where in the tensor a change of the image shows: the centre of its weight, as a share of the side. */
function seenAt(before: Image, after: Image, contract: Contract): readonly [number, number] {
  const [a, b] = [toTensor(before, contract).tensor, toTensor(after, contract).tensor];
  let [weight, row, column] = [0, 0, 0];
  for (const [at, value] of a.entries()) {
    const change = Math.abs(value - (b[at] ?? 0));
    const pixel = Math.floor(at / 3);
    weight += change;
    row += change * (Math.floor(pixel / SIZE) + 0.5);
    column += change * ((pixel % SIZE) + 0.5);
  }
  return [row / weight / SIZE, column / weight / SIZE];
}

describe('the region of a tensor says where in the image a thing lies that the tensor shows', () => {
  test.each<[string, Contract]>([
    ['all of the slice', hu({})],
    ['the square in its centre', hu({ crop: 'center-square' })],
    ['the lungs', hu({ crop: 'lung' })],
    ['a slice of another spacing', hu({ spacingMm: 3.1 })],
    ['its centre', hu({ spacingMm: 3.1, crop: 'center-square' })],
    ['its lungs', hu({ spacingMm: 1.7, crop: 'lung' })],
    ['a slice as a picture', grey({})],
    ['its centre as a picture', grey({ crop: 'center-square' })],
  ])('%s', (_, contract) => {
    const image = roundChest();
    const [down, across] = seenAt(image, withNodule(image), contract);
    const { top, left, rows, columns } = tensorRegion(image, contract);
    // Half a pixel further: a pixel's own middle.
    expect(Math.abs(top + down * rows - (NODULE[0] + 0.5))).toBeLessThan(0.1);
    expect(Math.abs(left + across * columns - (NODULE[1] + 0.5))).toBeLessThan(0.1);
  });

  test('a picture’s square in its centre', () => {
    expect(tensorRegion(greyRamp(8), grey({ crop: 'center-square' }))).toEqual({
      top: 0,
      left: 24,
      rows: 120,
      columns: 120,
    });
  });

  test('beyond the edge, where the lungs’ square goes on as air', () => {
    const chest = roundChest();
    const cut = { ...chest, rows: 123, pixels: chest.pixels.slice(37 * 192) };
    const { top, rows } = tensorRegion(cut, hu({ crop: 'lung' }));
    expect([top, rows]).toEqual([-31, 141]);
  });

  test('the lungs that were seen already are taken', () => {
    const box = { top: 10, left: 20, bottom: 29, right: 39 };
    const lungs = { mask: new Uint8Array(), fraction: 1, box } as never;
    expect(tensorRegion(roundChest(), hu({ crop: 'lung' }), { lungs })).toEqual({
      top: 9,
      left: 19,
      rows: 22,
      columns: 22,
    });
  });
});

describe('a heat map in its image', () => {
  const quarters = { rows: 2, columns: 2, values: Float32Array.of(0, 1, 2, 3) };
  const image = { rows: 8, columns: 8 };

  test('has a value for each pixel of its region', () => {
    const { heat, region } = heatInImage(quarters, { top: 2, left: 3, rows: 2, columns: 2 }, image);
    expect(region).toEqual({ top: 2, left: 3, rows: 2, columns: 2 });
    expect(heat).toEqual(quarters);
  });

  test('loses what lies beyond the image, and nothing else moves', () => {
    const { heat, region } = heatInImage(quarters, { top: -1, left: 7, rows: 2, columns: 2 }, image);
    expect(region).toEqual({ top: 0, left: 7, rows: 1, columns: 1 });
    expect([...heat.values]).toEqual([2]);
  });

  test('moves to whole pixels, by half a pixel at most', () => {
    const { region } = heatInImage(quarters, { top: 1.4, left: 2.6, rows: 3.3, columns: 2.2 }, image);
    expect(region).toEqual({ top: 1, left: 3, rows: 4, columns: 2 });
  });

  test('is refused where nothing of it lies in the image', () => {
    expect(() => heatInImage(quarters, { top: 8, left: 0, rows: 2, columns: 2 }, image)).toThrow(RangeError);
  });
});
