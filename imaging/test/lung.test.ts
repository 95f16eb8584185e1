import { afterAll, describe, expect, test } from 'vitest';
import { closeDecoders, decodeImage, lungMask } from '../src/index.ts';
import type { HuImage } from '../src/index.ts';
import { closeMask } from '../src/lung/closing.ts';
import { components } from '../src/lung/components.ts';
import { expectedPixels, noData, realFile } from './real-files.ts';
import { roundChest } from './synthetic-image.ts';

afterAll(closeDecoders);

const drawn = (
  picture: string,
): { readonly mask: Uint8Array; readonly rows: number; readonly columns: number } => {
  const lines = picture.trim().split(/\s+/);
  const mask = Uint8Array.from(lines.join(''), (mark) => (mark === '#' ? 1 : 0));
  return { mask, rows: lines.length, columns: lines[0]?.length ?? 0 };
};
function cut(
  image: HuImage,
  {
    top,
    left,
    rows,
    columns,
  }: { readonly top: number; readonly left: number; readonly rows: number; readonly columns: number },
): HuImage {
  const pixels = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    const from = (top + row) * image.columns + left;
    pixels.set(image.pixels.subarray(from, from + columns), row * columns);
  }
  return { ...image, rows, columns, pixels };
}
/** One density from edge to edge, and discs on it. */
function filled(hu: number, more: NonNullable<Parameters<typeof roundChest>[0]>['more'] = []): HuImage {
  return roundChest({ more: [[80, 96, 400, 400, hu], ...more] });
}
const atPixel = ({ mask }: { readonly mask: Uint8Array }, row: number, column: number) =>
  mask[row * 192 + column];

describe('the parts of a mask', () => {
  test('are told apart by edges, not by corners, and numbered as they appear', () => {
    const { mask, rows, columns } = drawn(`
      ##..#
      ..#.#
      ..#..`);
    const { labels, count, areas, box } = components(mask, rows, columns);
    expect([...labels]).toEqual([1, 1, 0, 0, 2, 0, 0, 3, 0, 2, 0, 0, 3, 0, 0]);
    expect(Array.from(areas)).toEqual([0, 2, 2, 2]);
    expect(count).toBe(3);
    expect([1, 2, 3].map(box)).toEqual([
      { top: 0, left: 0, bottom: 0, right: 1 },
      { top: 0, left: 4, bottom: 1, right: 4 },
      { top: 1, left: 2, bottom: 2, right: 2 },
    ]);
  });

  test('stay whole where arms meet late, as in a comb and a spiral', () => {
    const comb = drawn(`
      #.#.#.#
      #.#.#.#
      #######`);
    expect(components(comb.mask, comb.rows, comb.columns).count).toBe(1);
    const spiral = drawn(`
      #######
      ......#
      #####.#
      #...#.#
      #.###.#
      #.....#
      #######`);
    expect(Array.from(components(spiral.mask, spiral.rows, spiral.columns).areas)).toEqual([0, 31]);
  });

  test('know whether they reach the edge of the image', () => {
    const { mask, rows, columns } = drawn(`
      .....
      .##..
      ....#
      .....`);
    expect([1, 2].map(components(mask, rows, columns).atBorder)).toEqual([false, true]);
  });
});

describe('closing', () => {
  test('is the dilation by a disc and then the erosion by it, by definition', () => {
    const [rows, columns, radius] = [23, 31, 3];
    // A small generator of its own: the pattern is arbitrary, and the same everywhere.
    let state = 12_345;
    const mask = Uint8Array.from({ length: rows * columns }, () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648 < 0.06 ? 1 : 0;
    });
    const disc = Array.from(
      { length: 7 * 7 },
      (_, at) => [Math.floor(at / 7) - 3, (at % 7) - 3] as const,
    ).filter(([dy, dx]) => dx * dx + dy * dy <= radius * radius);
    const set = (row: number, column: number): boolean =>
      row >= 0 && row < rows && column >= 0 && column < columns && mask[row * columns + column] === 1;
    // The plane goes on beyond the image, empty: what is grown there counts for the erosion.
    const grown = (row: number, column: number): boolean =>
      disc.some(([dy, dx]) => set(row + dy, column + dx));
    const closed = Array.from({ length: rows * columns }, (_, at) =>
      disc.every(([dy, dx]) => grown(Math.floor(at / columns) + dy, (at % columns) + dx)) ? 1 : 0,
    );
    const whole = { top: 0, left: 0, bottom: rows - 1, right: columns - 1 };
    expect([...closeMask(mask, columns, whole, radius)]).toEqual(closed);
    expect(closed.filter(Boolean).length).toBeGreaterThan(mask.filter(Boolean).length);
  });
});

describe('the mask of the lungs', () => {
  test('covers both lungs and their vessels, and neither heart, trachea, table nor the air around', () => {
    const chest = roundChest({
      more: [
        [70, 60, 2, 2, 60],
        [34, 97, 4, 4, -1000],
      ],
    });
    const lungs = lungMask(chest);
    expect(lungs.box).toEqual({ top: 38, left: 34, bottom: 114, right: 162 });
    expect(atPixel(lungs, 90, 45)).toBe(1);
    expect(atPixel(lungs, 90, 150)).toBe(1);
    expect(atPixel(lungs, 70, 60)).toBe(1);
    for (const [row, column] of [
      [64, 102],
      [34, 97],
      [148, 96],
      [2, 2],
    ] as const) {
      expect(atPixel(lungs, row, column)).toBe(0);
    }
    expect(lungs.fraction).toBeGreaterThan(0.3);
    expect(lungs.fraction).toBeLessThan(0.5);
  });

  test('takes in a nodule at the pleura, which the threshold alone leaves out', () => {
    const lungs = lungMask(roundChest({ more: [[76, 36, 2, 2, 40]] }));
    expect(atPixel(lungs, 76, 36)).toBe(1);
  });

  test('is that of one lung where the other is white', () => {
    const lungs = lungMask(roundChest({ lungs: [-850, 40] }));
    expect(lungs.box).toMatchObject({ left: 34, right: 85 });
  });

  test.each<[string, HuImage]>([
    ['a slice of soft tissue', roundChest({ lungs: [40, 40] })],
    ['a trachea alone', roundChest({ lungs: [40, 40], more: [[50, 96, 6, 6, -1000]] })],
    ['loops of bowel full of gas', roundChest({ lungs: [-1000, -990] })],
    ['stool', roundChest({ lungs: [-420, -420] })],
    [
      'a hollow in the table',
      roundChest({
        lungs: [40, 40],
        more: [
          [148, 96, 80, 9, 100],
          [148, 96, 60, 6, -850],
        ],
      }),
    ],
    ['nothing but foam', filled(-850)],
    ['foam with a rod in it', filled(-850, [[80, 96, 8, 8, 40]])],
    ['a thin film of air', roundChest({ lungs: [40, 40], more: [[76, 96, 50, 1, -850]] })],
  ])('is empty for %s', (_, image) => {
    expect(lungMask(image)).toEqual({ mask: new Uint8Array(image.pixels.length), fraction: 0 });
  });

  test('does not take air outside for lung where padding keeps it from the edge', () => {
    const image = roundChest({ lungs: [40, 40] });
    for (let at = 0; at < image.pixels.length; at += 1) {
      const [row, column] = [Math.floor(at / 192), at % 192];
      if (row < 3 || row > 156 || column < 3 || column > 188) image.pixels[at] = 0;
    }
    expect(lungMask(image).fraction).toBe(0);
  });

  test('takes in lungs that a small field of view cuts off, and a mattress at its edge not', () => {
    // 60 rows and 80 columns about the spine, with the back of both lungs.
    const back = cut(roundChest({ more: [[139, 96, 80, 6, -950]] }), {
      top: 80,
      left: 56,
      rows: 60,
      columns: 80,
    });
    const { mask, box } = lungMask(back);
    expect(box).toEqual({ top: 0, left: 0, bottom: 34, right: 79 });
    expect([mask[0], mask[79], mask[59 * 80 + 40]]).toEqual([1, 1, 0]);
    // The left lung alone, with a corner of the air outside.
    const side = cut(roundChest(), { top: 46, left: 24, rows: 60, columns: 60 });
    expect(lungMask(side).box).toMatchObject({ left: 10, top: 0, bottom: 59 });
  });

  test('is all but the tissue in a field of view within one lung, of which a fiftieth is tissue', () => {
    const within = filled(-850, [[80, 96, 14, 14, 40]]);
    expect(lungMask(within).box).toEqual({ top: 0, left: 0, bottom: 159, right: 191 });
  });

  test('does not take foam of the table for lung where air around the patient is in view', () => {
    const foam = roundChest({
      lungs: [40, 40],
      more: [
        [150, 96, 120, 8, -910],
        [141, 96, 120, 1, 0],
      ],
    });
    expect(lungMask(foam).fraction).toBe(0);
  });

  test.each([
    ['unknown', undefined],
    ['nothing', [0, 0]],
    ['no number', [Number.NaN, 1]],
    ['a kilometre', [1e6, 1e6]],
  ] as const)('goes by shares of the body where the spacing is %s', (_, pixelSpacing) => {
    const { pixelSpacing: known, ...bare } = roundChest();
    expect(known).toEqual([2, 2]);
    const lungs = lungMask(pixelSpacing === undefined ? bare : { ...bare, pixelSpacing });
    expect(lungs.box).toEqual(lungMask(roundChest()).box);
  });
});

describe.skipIf(noData)(`the lungs of real slices ${noData || ''}`, () => {
  const paths = expectedPixels()
    .filter(({ modality }) => modality === 'CT')
    .map(({ path }) => path);
  // CT_small is a cut of CT1 about the spine, in which both lungs end at the edge. CT1_j2k_4.91 is refused before: too
  // much was lost.
  const withLungs = paths.filter((path) => /series-LungFCP|CT_small|CT1_(?!j2k_4\.91)/.test(path));
  // Thoracic inlet, head, head with wide frontal sinuses, and a spine whose header says neck: slips of lung behind the
  // diaphragm, less than 2 %, and a mattress. CTImage in JPEG baseline, extended and progressive is refused before.
  const without = paths.filter((path) =>
    /CTImage_(?!jpeg-[bep])|CT2_head|J2K_pixelrep|bad_sequence/.test(path),
  );

  test('covers all the files that there are', () => {
    expect(withLungs.length).toBe(27);
    expect(without.length).toBe(7);
  });

  test.each(withLungs)('are found in %s', async (path) => {
    const image = await decodeImage(realFile(path));
    expect(image.kind === 'hu' && lungMask(image).fraction).toBeGreaterThan(0.03);
  });

  test.each(without)('are not found in %s', async (path) => {
    const image = await decodeImage(realFile(path));
    expect(image.kind === 'hu' && lungMask(image).fraction).toBe(0);
  });
});
