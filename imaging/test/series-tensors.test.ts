import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import {
  closeDecoders,
  decodeImage,
  defaultContract,
  lungMask,
  seriesTensors,
  toTensor,
} from '../src/index.ts';
import type { Contract, Series, SliceTensor, Source, StackSlice, TensorOptions } from '../src/index.ts';
import { aSlice } from './edit-dicom.ts';
import { noData, realFile } from './real-files.ts';
import { inMemory, lungSources, scanOne } from './series-sources.ts';
import type { CountedSource } from './series-sources.ts';

afterAll(closeDecoders);

const chest = defaultContract('hu', 64);
const anything: Contract = { ...chest, inputSize: 32, domain: 'any' };
const every = (spacingMm: number, contract: Contract = anything) => ({ ...contract, spacingMm }) as Contract;

/** Slices at 1 mm steps; each shows a ramp of its own. */
function stack(count: number, over: Parameters<typeof aSlice>[0] = {}): readonly CountedSource[] {
  return Array.from({ length: count }, (_, at) =>
    inMemory(
      `slice ${at}`,
      aSlice({
        rows: 8,
        columns: 8,
        instance: count - at,
        position: [0, 0, at],
        hu: Array.from({ length: 64 }, (__, k) => at * 100 + k - 800),
        ...over,
      }),
    ),
  );
}

async function tensorsOf(
  series: Series,
  contract: Contract,
  options?: TensorOptions,
): Promise<readonly SliceTensor[]> {
  const found: SliceTensor[] = [];
  for await (const one of seriesTensors(series, contract, options)) found.push(one);
  return found;
}

const digest = (tensors: readonly SliceTensor[]) =>
  tensors.map(({ index, positionMm, tensor }) => [
    index,
    positionMm,
    createHash('sha256').update(new Uint8Array(tensor.buffer)).digest('hex'),
  ]);

describe.skipIf(noData)(`the real series ${noData || ''}`, () => {
  test('gives the tensor of each slice from the feet to the head, with how much lung it shows', async () => {
    const tensors = await tensorsOf(await scanOne(lungSources()), chest);
    expect(tensors.map(({ positionMm }) => positionMm)).toEqual(
      Array.from({ length: 20 }, (_, at) => 49.5 + at),
    );
    expect(tensors.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, at) => at));
    for (const { name, frame, tensor, lungFraction } of tensors) {
      expect(frame).toBe(1);
      const image = await decodeImage(realFile(name));
      if (image.kind !== 'hu') throw new TypeError('a CT slice has HU');
      expect(lungFraction).toBe(lungMask(image).fraction);
      expect(lungFraction).toBeGreaterThan(0.02);
      expect(tensor).toEqual(toTensor(image, chest).tensor);
    }
  });

  test('gives the same, bit for bit, in any order and with a file there twice', async () => {
    const [first, ...others] = lungSources();
    const want = digest(await tensorsOf(await scanOne(lungSources()), chest));
    const copy = { ...first, name: 'z copy' } as Source;
    const shuffled = [
      ...others.filter((_, at) => at % 3 !== 0),
      copy,
      ...others.filter((_, at) => at % 3 === 0),
    ];
    const series = await scanOne([...shuffled, ...(first === undefined ? [] : [first])]);
    expect(series.warnings.map(({ code }) => code)).toEqual(['DUPLICATE_DROPPED']);
    expect(digest(await tensorsOf(series, chest))).toEqual(want);
  });

  test('is interpolated to an isotropic stack where the contract asks for a spacing', async () => {
    const series = await scanOne(lungSources());
    const tensors = await tensorsOf(series, every(2, chest));
    expect(tensors.map(({ positionMm }) => positionMm)).toEqual(
      Array.from({ length: 10 }, (_, at) => 49.5 + 2 * at),
    );
    for (const { name, tensor } of tensors.slice(0, 3)) {
      expect(tensor).toEqual(toTensor(await decodeImage(realFile(name)), every(2, chest)).tensor);
    }
  });
});

test('any order of the files gives the same series and bit-identical tensors', async () => {
  const sources = stack(7);
  const copies = stack(7).map(({ name, read, reads }) => ({ name: `${name} again`, read, reads }));
  const all = [...sources, ...copies.slice(2, 5)];
  const want = await scanOne(all);
  const wantTensors = digest(await tensorsOf(want, every(0.7)));
  expect(wantTensors).toHaveLength(9);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(all, { minLength: all.length }), async (shuffled) => {
      const series = await scanOne(shuffled);
      expect(series).toEqual(want);
      expect(digest(await tensorsOf(series, every(0.7)))).toEqual(wantTensors);
    }),
    { numRuns: 12 },
  );
});

test('between two slices lies their mixture', async () => {
  const series = await scanOne(stack(3, { pixelSpacing: [0.5, 0.5] }));
  const tensors = await tensorsOf(series, every(0.5));
  const [low, between, high] = tensors.map(({ tensor }) => tensor[0] ?? 0);
  expect(tensors).toHaveLength(5);
  expect(between).toBeCloseTo(((low ?? 0) + (high ?? 0)) / 2, 4);
  expect(tensors.map(({ name }) => name)).toEqual(['slice 0', 'slice 0', 'slice 1', 'slice 1', 'slice 2']);
});

test('a tilted series is refused only where it would have to be interpolated', async () => {
  const tilted = stack(5).map(({ name }, at) =>
    inMemory(name, aSlice({ instance: at + 1, position: [0, at * 0.4, at] })),
  );
  const series = await scanOne(tilted);
  expect(series.warnings.map(({ code }) => code)).toContain('SERIES_TILTED');
  expect(await tensorsOf(series, anything)).toHaveLength(5);
  await expect(tensorsOf(series, every(1))).rejects.toMatchObject({ code: 'SERIES_TILTED' });
});

test('slices without lung are skipped and told, and a series of them is not of the chest', async () => {
  const skipped: StackSlice[] = [];
  const series = await scanOne(stack(3));
  const onSkipped = (slice: StackSlice) => skipped.push(slice);
  await expect(tensorsOf(series, chest, { onSkipped })).rejects.toMatchObject({
    code: 'NOT_CHEST',
    message: 'None of 3 slices is of the chest. No lung is seen in the slice.',
  });
  expect(skipped).toMatchObject([
    { index: 0, name: 'slice 0', frame: 1, positionMm: 0, lungFraction: 0 },
    { index: 1 },
    { index: 2 },
  ]);
});

test('a refused series gives its refusal', async () => {
  const series = await scanOne(stack(5).filter((_, at) => at !== 2));
  await expect(tensorsOf(series, anything)).rejects.toMatchObject({ code: 'SERIES_GAP' });
});

test('a slice that cannot be decoded is refused with where it lies', async () => {
  const broken = stack(3).map((source, at) =>
    at === 1
      ? inMemory(
          source.name,
          aSlice({
            rows: 8,
            columns: 8,
            hu: new Float32Array(64),
            instance: 2,
            position: [0, 0, 1],
          }).subarray(0, -8),
        )
      : source,
  );
  await expect(tensorsOf(await scanOne(broken), anything)).rejects.toThrow(/^The slice at 1 mm: /);
});

test('a file that was replaced after the scan is refused', async () => {
  const [first, second, third] = stack(3);
  if (first === undefined || second === undefined || third === undefined) throw new Error('three slices');
  let scanned = false;
  const swapped: Source = { name: 'swapped', read: async () => (scanned ? third : second).read() };
  const series = await scanOne([first, swapped, third]);
  scanned = true;
  await expect(tensorsOf(series, anything)).rejects.toMatchObject({
    code: 'CORRUPT',
    message: 'The slice at 1 mm: The file is no longer the one that was scanned.',
  });
});

test('few files are read ahead of the slice at hand, and no more once the loop is left', async () => {
  const sources = stack(40);
  const series = await scanOne(sources);
  const readTwice = () => sources.filter(({ reads }) => reads === 2).length;
  for await (const { index } of seriesTensors(series, anything)) {
    expect(readTwice()).toBeLessThanOrEqual(index + 5);
    if (index === 10) break;
  }
  expect(readTwice()).toBeLessThanOrEqual(15);
});

test('an abort ends the stream with its reason', async () => {
  const stop = new AbortController();
  const reason = new Error('the client went away');
  const series = await scanOne(stack(10));
  let seen = 0;
  const walk = async () => {
    for await (const { index } of seriesTensors(series, anything, { signal: stop.signal })) {
      seen = index;
      if (index === 3) stop.abort(reason);
    }
  };
  await expect(walk()).rejects.toBe(reason);
  expect(seen).toBe(3);
});
