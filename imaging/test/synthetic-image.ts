import type { GreyImage, HuImage } from '../src/index.ts';

/** An ellipse: row and column of its centre, half its width, half its height, HU. */
type Disc = readonly [row: number, column: number, a: number, b: number, hu: number];

type Chest = {
  /** HU of the lung on the left of the image, and of the other. */
  readonly lungs?: readonly [number, number];
  /** Painted last. */
  readonly more?: readonly Disc[];
};

/**
 * A chest of ellipses seen from the feet, in integers only, so that every machine draws the same: a body of soft
 * tissue, two lungs, a heart, a spine, and a table below, which does not touch the body. 2 mm between rows and columns
 * by default: the body is about 300 mm wide.
 */
export function roundChest(over: Partial<HuImage> & Chest = {}): HuImage {
  const { lungs = [-850, -850], more = [], ...rest } = over;
  const [rows, columns] = [160, 192];
  const pixels = new Float32Array(rows * columns).fill(-1000);
  const paint = ([row, column, a, b, value]: Disc): void => {
    for (let y = 0; y < rows; y += 1) {
      for (let x = 0; x < columns; x += 1) {
        if ((x - column) ** 2 * b * b + (y - row) ** 2 * a * a <= a * a * b * b)
          pixels[y * columns + x] = value;
      }
    }
  };
  paint([76, 96, 76, 56, -100]);
  paint([76, 96, 70, 50, 50]);
  paint([76, 60, 26, 38, lungs[0]]);
  paint([76, 134, 28, 38, lungs[1]]);
  paint([64, 102, 22, 20, 40]);
  paint([110, 96, 11, 10, 500]);
  paint([148, 96, 80, 3, -300]);
  for (const disc of more) paint(disc);
  return {
    kind: 'hu',
    rows,
    columns,
    pixels,
    source: 'dicom',
    transferSyntax: '1.2.840.10008.1.2.1',
    pixelSpacing: [2, 2],
    ...rest,
  };
}

/** Every level from the top left to the bottom right, wider than high. */
export function greyRamp(bits: 8 | 16): GreyImage {
  const [rows, columns] = [120, 168];
  const level = (at: number): number => Math.floor((at * (2 ** bits - 1)) / (rows * columns - 1));
  const pixels =
    bits === 16
      ? Uint16Array.from({ length: rows * columns }, (_, at) => level(at))
      : Uint8Array.from({ length: rows * columns }, (_, at) => level(at));
  return { kind: 'grey', rows, columns, bits, pixels, source: 'png' };
}
