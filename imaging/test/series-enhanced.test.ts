import { afterAll, expect, test } from 'vitest';
import { closeDecoders, defaultContract, seriesTensors } from '../src/index.ts';
import type { Contract, Series } from '../src/index.ts';
import { aSlice } from './edit-dicom.ts';
import { inMemory, scanOne } from './series-sources.ts';
import { writeEnhancedCt } from './write-enhanced-ct.ts';

afterAll(closeDecoders);

const contract = { ...defaultContract('hu', 32), domain: 'any', spacingMm: 0.8 } as Contract;
const COUNT = 7;
const size = { rows: 8, columns: 8 };
const planes = Array.from({ length: COUNT }, (_, at) => ({
  position: [0, 0, at * 0.8] as const,
  hu: Array.from({ length: 64 }, (__, k) => at * 100 + k - 800),
}));

/** The same pixels as files of one frame each. */
const singles = planes.map((plane, at) =>
  inMemory(`slice ${at}`, aSlice({ ...size, ...plane, instance: at + 1, pixelSpacing: [0.8, 0.8] })),
);

/** Frames in an order that is neither up nor down. */
const multi = (order: readonly number[], name = 'volume', instanceUid = '2.25.5') =>
  inMemory(
    name,
    writeEnhancedCt({
      ...size,
      seriesUid: '2.25.4',
      instanceUid,
      pixelSpacing: [0.8, 0.8],
      frames: order.flatMap((at) => planes[at] ?? []),
    }),
  );

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
  const halves = [multi([0, 2, 4, 6], 'even', '2.25.6'), multi([1, 3, 5], 'odd', '2.25.7')];
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
