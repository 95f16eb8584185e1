import { expect, test } from 'vitest';
import { resampleAlong } from '../src/series/resample.ts';
import type { PlacedImage } from '../src/series/resample.ts';
import { aFrame } from './series-facts.ts';

/** One pixel row at each position; the pixels tell the slice. */
function plane(positionMm: number, ...hu: readonly number[]): PlacedImage {
  return {
    slice: { ...aFrame(positionMm), positionMm },
    positionMm,
    image: {
      kind: 'hu',
      rows: 1,
      columns: hu.length,
      pixels: Float32Array.from(hu),
      source: 'dicom',
      transferSyntax: '1.2.840.10008.1.2.1',
    },
  };
}

async function resampled(planes: readonly PlacedImage[], spacingMm: number) {
  const found = await all(resampleAlong(planes, spacingMm));
  return found.map(({ positionMm, image, slice }) => [positionMm, [...image.pixels], slice.positionMm]);
}

async function all(planes: AsyncIterable<PlacedImage>): Promise<readonly PlacedImage[]> {
  const found: PlacedImage[] = [];
  for await (const one of planes) found.push(one);
  return found;
}

test('slices between two are interpolated pixel by pixel and named after the nearer one', async () => {
  expect(await resampled([plane(10, 0, 100), plane(14, 8, -100)], 1)).toEqual([
    [10, [0, 100], 10],
    [11, [2, 50], 10],
    [12, [4, 0], 10],
    [13, [6, -50], 14],
    [14, [8, -100], 14],
  ]);
});

test('at the spacing that is there already, the slices stay what they are, bit for bit', async () => {
  // 0.7 + 0.7 + 0.7 is not 2.1 in binary.
  const planes = [0, 0.7, 1.4, 2.1, 2.8].map((mm) => plane(mm, mm * 100.1));
  const found = await all(resampleAlong(planes, 0.7));
  expect(found.map(({ image }) => image.pixels)).toEqual(planes.map(({ image }) => image.pixels));
});

test('a slice within a nanometre of its place is not mixed with its neighbour', async () => {
  const planes = [plane(0, 3000), plane(1.000_000_5, -1000.3), plane(2, 3000)];
  const found = await all(resampleAlong(planes, 1));
  expect(found.map(({ image }) => image.pixels)).toEqual(planes.map(({ image }) => image.pixels));
});

test('nothing is made up beyond the last slice', async () => {
  expect((await resampled([plane(0, 0), plane(1, 10), plane(2, 20)], 0.75)).map(([mm]) => mm)).toEqual([
    0, 0.75, 1.5,
  ]);
});

test('wider steps than the slices take the slices about each target', async () => {
  const planes = [0, 1, 2, 3, 4, 5].map((mm) => plane(mm, mm * 10));
  expect(await resampled(planes, 2.5)).toEqual([
    [0, [0], 0],
    [2.5, [25], 2],
    [5, [50], 5],
  ]);
});

test('uneven steps are interpolated by where the slices are', async () => {
  expect(await resampled([plane(0, 0), plane(1, 10), plane(3, 50)], 1)).toEqual([
    [0, [0], 0],
    [1, [10], 1],
    [2, [30], 1],
    [3, [50], 3],
  ]);
});

test('one slice is itself, and none are none', async () => {
  expect(await resampled([plane(5, 1)], 1)).toEqual([[5, [1], 5]]);
  expect(await resampled([], 1)).toEqual([]);
});

test('two slices are held at a time, however long the series', async () => {
  let ahead = 0;
  const source = function* () {
    for (let mm = 0; mm < 100; mm += 1) {
      ahead = mm;
      yield plane(mm, mm);
    }
  };
  for await (const { positionMm } of resampleAlong(source(), 1)) {
    expect(ahead - (positionMm ?? 0)).toBeLessThanOrEqual(1);
  }
  expect(ahead).toBe(99);
});

test('positions that ask for slices without end are refused', async () => {
  await expect(resampled([plane(0, 0), plane(9000, 1)], 0.5)).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
  });
});
