import { describe, expect, test } from 'vitest';
import { defaultContract, toTensor } from '../src/index.ts';
import type { Contract, HuImage } from '../src/index.ts';
import { frameHu } from '../src/lung/frame.ts';
import { roundChest } from './synthetic-image.ts';

const contract = (over: Partial<Hu>): Hu => ({ ...(defaultContract('hu', 64) as Hu), ...over });
type Hu = Extract<Contract, { kind: 'hu' }>;

/** The same chest on a larger matrix, moved right and down. */
function moved(image: HuImage, down: number, right: number): HuImage {
  const [rows, columns] = [image.rows + 40, image.columns + 40];
  const pixels = new Float32Array(rows * columns).fill(-1000);
  for (let row = 0; row < image.rows; row += 1) {
    const line = image.pixels.subarray(row * image.columns, (row + 1) * image.columns);
    pixels.set(line, (row + down) * columns + right);
  }
  return { ...image, rows, columns, pixels };
}

describe('the crop to the lungs', () => {
  test('is the square about their box and 5 % of its longer side on each side', () => {
    // The box is 129 wide and 77 high: 129 + 2 * 6 = 141.
    const framed = frameHu(roundChest(), contract({ crop: 'lung' }));
    expect([framed.rows, framed.columns]).toEqual([141, 141]);
    // Six pixels of margin, then the left lung's outermost pixel, in the row of its middle.
    const row = 70 * 141;
    expect(framed.pixels[row + 5]).toBeGreaterThan(-320);
    expect(framed.pixels[row + 6]).toBe(-850);
  });

  test('shows the same wherever in the slice the patient lies', () => {
    const here = toTensor(roundChest(), contract({ crop: 'lung' }));
    expect(toTensor(moved(roundChest(), 31, 7), contract({ crop: 'lung' }))).toEqual(here);
    expect(toTensor(moved(roundChest(), 31, 7), contract({}))).not.toEqual(
      toTensor(roundChest(), contract({})),
    );
  });

  test('goes on as air beyond the edge of the slice', () => {
    const chest = roundChest();
    // 40 rows less above: the lungs begin in the first but one row, and the square far above it.
    const cut = { ...chest, rows: 123, pixels: chest.pixels.slice(37 * 192) };
    const framed = frameHu(cut, contract({ crop: 'lung' }));
    expect([framed.rows, framed.columns]).toEqual([141, 141]);
    expect([...framed.pixels.subarray(0, 141)]).toEqual(Array.from({ length: 141 }, () => -1024));
  });

  test('refuses a slice without lungs', () => {
    expect(() => toTensor(roundChest({ lungs: [40, 40] }), contract({ crop: 'lung' }))).toThrow(
      expect.objectContaining({ code: 'NOT_CHEST' }),
    );
  });
});

describe('the spacing of a contract', () => {
  test('makes slices of other pixel sizes alike', () => {
    const fine = frameHu(roundChest({ pixelSpacing: [2, 1] }), contract({ spacingMm: 4 }));
    expect([fine.rows, fine.columns, fine.pixelSpacing]).toEqual([80, 48, [4, 4]]);
    expect(fine.pixels[0]).toBe(-1000);
  });

  test('changes nothing where it is the slice’s own', () => {
    expect(toTensor(roundChest(), contract({ spacingMm: 2 }))).toEqual(toTensor(roundChest(), contract({})));
  });

  test.each([
    ['absent', undefined],
    ['nothing', [0, 0]],
    ['no number', [1, Number.NaN]],
  ] as const)('refuses a slice whose own is %s', (_, pixelSpacing) => {
    const { pixelSpacing: known, ...bare } = roundChest();
    expect(known).toBeDefined();
    const image = pixelSpacing === undefined ? bare : { ...bare, pixelSpacing };
    expect(() => toTensor(image, contract({ spacingMm: 1 }))).toThrow(
      expect.objectContaining({ code: 'GEOMETRY_UNKNOWN' }),
    );
  });

  test('refuses a slice that would grow beyond every limit', () => {
    expect(() => toTensor(roundChest({ pixelSpacing: [10, 10] }), contract({ spacingMm: 0.1 }))).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
  });
});
