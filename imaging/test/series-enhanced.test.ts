import { afterAll, expect, test } from 'vitest';
import { closeDecoders, defaultContract, seriesTensors } from '../src/index.ts';
import type { Contract, Series } from '../src/index.ts';
import { aSlice, text, words } from './edit-dicom.ts';
import { enhancedCt } from './enhanced-ct.ts';
import { inMemory, scanOne } from './series-sources.ts';

afterAll(closeDecoders);

const contract: Contract = { ...defaultContract('hu', 32), domain: 'any', spacingMm: 0.8 } as Contract;
const COUNT = 7;
const planes = Array.from({ length: COUNT }, (_, at) => ({
  z: at * 0.8,
  hu: Array.from({ length: 16 }, (__, k) => at * 100 + k * 9 - 800),
}));

/** The same pixels as files of one frame each. */
const singles = planes.map(({ z, hu }, at) =>
  inMemory(`slice ${at}`, aSlice({ hu, position: [0, 0, z], instance: at + 1, pixelSpacing: [0.7, 0.8] })),
);

/** Planes in the order of their frames. */
function multi(order: readonly number[], name = 'volume', instanceUid = '2.25.55') {
  const chosen = order.flatMap((at) => planes[at] ?? []);
  return inMemory(
    name,
    enhancedCt(
      chosen.map(({ z }) => ({ z, intercept: -1024, stored: 0 })),
      {
        change: {
          0x0008_0018: text('UI', `${instanceUid}\0`),
          0x7fe0_0010: words(chosen.flatMap(({ hu }) => hu.map((value) => value + 1024))),
        },
      },
    ),
  );
}

async function tensorsOf(series: Series) {
  const found: (readonly [number, number | undefined, Float32Array])[] = [];
  for await (const { index, positionMm, tensor } of seriesTensors(series, contract)) {
    found.push([index, positionMm, tensor]);
  }
  return found;
}

test('a multi-frame file is the series of its frames, in order by their own positions', async () => {
  const series = await scanOne([multi([3, 0, 6, 1, 5, 2, 4])]);
  expect(series.slices.map(({ facts }) => facts.frame)).toEqual([2, 4, 6, 1, 7, 5, 3]);
  expect(series.spacingMm).toBeCloseTo(0.8, 10);
  expect(series.warnings).toEqual([]);
});

test('a multi-frame file gives the tensors of the single-frame files of its pixels', async () => {
  const want = await tensorsOf(await scanOne(singles));
  expect(want).toHaveLength(COUNT);
  expect(await tensorsOf(await scanOne([multi([3, 0, 6, 1, 5, 2, 4])]))).toEqual(want);
});

test('a multi-frame file is read once for its header and once for all of its frames', async () => {
  const volume = multi([0, 1, 2, 3, 4, 5, 6]);
  await tensorsOf(await scanOne([volume]));
  expect(volume.reads).toBe(2);
});

test('a series in two interleaved multi-frame files is one stack', async () => {
  const halves = [multi([0, 2, 4, 6], 'even', '2.25.66'), multi([1, 3, 5], 'odd', '2.25.77')];
  const series = await scanOne(halves);
  expect(series.slices.map(({ source }) => source.name)).toEqual([
    'even',
    'odd',
    'even',
    'odd',
    'even',
    'odd',
    'even',
  ]);
  expect(await tensorsOf(series)).toEqual(await tensorsOf(await scanOne(singles)));
});

test('frames at one position are copies by their pixels', async () => {
  const series = await scanOne([multi([0, 1, 2, 2, 3])]);
  expect(series.slices.map(({ facts }) => facts.frame)).toEqual([1, 2, 3, 5]);
  expect(series.warnings.map(({ code }) => code)).toEqual(['DUPLICATE_DROPPED']);
});

test('a frame that is missing is a gap', async () => {
  expect((await scanOne([multi([0, 1, 2, 4, 5])])).refusal).toEqual({
    code: 'SERIES_GAP',
    text: 'Between 1.6 mm and 3.2 mm 1 slice is missing.',
  });
});
