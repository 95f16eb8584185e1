import { afterAll, describe, expect, test } from 'vitest';
import { closeDecoders, scanSeries } from '../src/index.ts';
import type { Source } from '../src/index.ts';
import { aSlice, edit, text } from './edit-dicom.ts';
import { noData } from './real-files.ts';
import { inMemory, lungSources, onDisk, scanOne } from './series-sources.ts';

afterAll(closeDecoders);

/** Slices at 1 mm steps whose pixels tell them apart. */
const slices = (count: number, over: Parameters<typeof aSlice>[0] = {}) =>
  Array.from({ length: count }, (_, at) =>
    inMemory(
      `slice ${at}`,
      aSlice({
        instance: at + 1,
        position: [0, 0, at],
        hu: Array.from({ length: 16 }, (__, k) => at * 16 + k),
        ...over,
      }),
    ),
  );

/** A file that names no series is one of its own. */
async function withoutSeries(source: Source): Promise<Source> {
  return inMemory(`${source.name} alone`, edit(await source.read(), { 0x0020_000e: undefined }));
}

describe.skipIf(noData)(`the real series of 20 slices ${noData || ''}`, () => {
  test('is in order along the normal, against its instance numbers, at 1 mm though 2 mm thick', async () => {
    const series = await scanOne(lungSources());
    expect(series.slices.map(({ facts }) => facts.instanceNumber)).toEqual(
      Array.from({ length: 20 }, (_, at) => 43 - at),
    );
    expect(series.slices[0]?.positionMm).toBe(49.5);
    expect(series).toMatchObject({
      spacingMm: 1,
      sliceThicknessMm: 2,
      rows: 512,
      columns: 512,
      pixelSpacing: [0.759765625, 0.759765625],
      plane: 'axial',
      tiltDegrees: 0,
      warnings: [],
    });
    expect(series.refusal).toBeUndefined();
  });

  test('without one of its middle slices has a gap, with where and how many', async () => {
    const series = await scanOne(lungSources().filter(({ name }) => !/1-03[34]/.test(name)));
    expect(series.refusal).toEqual({
      code: 'SERIES_GAP',
      text: 'Between 57.5 mm and 60.5 mm 2 slices are missing.',
    });
  });

  test('is read once, as nothing lies at one position', async () => {
    const sources = lungSources();
    await scanSeries(sources);
    expect(sources.map(({ reads }) => reads)).toEqual(Array.from({ length: 20 }, () => 1));
  });

  test('with one of its files there twice takes it once and says so', async () => {
    const [first] = lungSources();
    const copy = { ...first, name: 'z copy' } as Source;
    const series = await scanOne([...lungSources(), copy]);
    expect(series.slices).toHaveLength(20);
    expect(series.warnings).toMatchObject([{ code: 'DUPLICATE_DROPPED', names: ['z copy'] }]);
  });

  test('stays apart from the head and whatever else lies in its folder', async () => {
    const strangers = [
      'out-of-domain/CT2_head_j2k-lossless_4.90.dcm',
      'transfer-syntaxes/MR_small_j2k-lossless_4.90.dcm',
      'traps/rtstruct.dcm',
    ].map((path) => onDisk(`dicom/${path}`));
    const readMe = inMemory('README.txt', Buffer.from('These are the images of ...'));
    const found = await scanSeries([...strangers, readMe, ...lungSources()]);
    expect(found.series.map(({ slices: { length } }) => length).toSorted((a, b) => a - b)).toEqual([1, 20]);
    expect(found.refused.map(({ name, code }) => [name.split('/').at(-1), code])).toEqual([
      ['README.txt', 'NOT_AN_IMAGE'],
      ['MR_small_j2k-lossless_4.90.dcm', 'NOT_CT'],
      // It lacks the preamble of Part 10.
      ['rtstruct.dcm', 'NOT_AN_IMAGE'],
    ]);
  });

  test('one slice in several lossless transfer syntaxes is one slice, by its pixels', async () => {
    const names = ['explicit-le_1.2.1', 'j2k-lossless_4.90', 'jpegls-lossless_4.80'];
    const series = await scanOne(names.map((name) => onDisk(`dicom/transfer-syntaxes/CT1_${name}.dcm`)));
    expect(series.slices).toHaveLength(1);
    expect(series.warnings).toMatchObject([{ code: 'DUPLICATE_DROPPED' }]);
    const lossy = onDisk('dicom/transfer-syntaxes/CT1_jpegls-near_4.81.dcm');
    const mixed = await scanOne([onDisk('dicom/transfer-syntaxes/CT1_explicit-le_1.2.1.dcm'), lossy]);
    expect(mixed.refusal?.code).toBe('SERIES_DUPLICATE');
  });
});

describe('a scan', () => {
  test('leaves out a localiser that its header names, and refuses it where it is alone', async () => {
    const [first] = slices(1, { instance: 99 });
    const image = (await first?.read()) ?? new Uint8Array();
    const scout = inMemory('scout', edit(image, { 0x0008_0008: text('CS', 'ORIGINAL\\PRIMARY\\LOCALIZER') }));
    const series = await scanOne([scout, ...slices(3)]);
    expect(series.slices).toHaveLength(3);
    expect(series.warnings).toMatchObject([{ code: 'LOCALIZER_DROPPED', names: ['scout'] }]);
    expect((await scanOne([scout])).refusal?.code).toBe('LOCALIZER');
  });

  test('tells a second phase from a copy by the pixels', async () => {
    const [second] = slices(1, { instance: 9, position: [0, 0, 1] });
    const series = await scanOne([...slices(3), ...(second === undefined ? [] : [second])]);
    expect(series.refusal?.code).toBe('SERIES_DUPLICATE');
  });

  test('decodes no more of two phases than it takes to see that they are two', async () => {
    const phases = [0, 1, 2].map((phase) =>
      slices(3, { hu: Array.from({ length: 16 }, () => phase) }).map(async (source, at) =>
        inMemory(
          `${phase} ${at}`,
          edit(await source.read(), { 0x0008_0018: text('UI', `2.25.${phase}${at}0`) }),
        ),
      ),
    );
    const sources = await Promise.all(phases.flat());
    expect((await scanOne(sources)).refusal?.code).toBe('SERIES_DUPLICATE');
    expect(sources.map(({ reads }) => reads)).toEqual([2, 1, 1, 2, 1, 1, 1, 1, 1]);
  });

  test('takes the copy that can be decoded and names the one that cannot', async () => {
    const [slice] = slices(1);
    const whole = (await slice?.read()) ?? new Uint8Array();
    const unreadable = inMemory('broken', edit(whole, { 0x0028_1053: text('DS', '0') }));
    const { series, refused } = await scanSeries([...slices(3), unreadable]);
    expect(series[0]?.slices).toHaveLength(3);
    expect(series[0]?.refusal).toBeUndefined();
    expect(refused).toMatchObject([{ name: 'broken', code: 'HU_UNKNOWN' }]);
  });

  test('says the same of series and refusals in whatever order the files come', async () => {
    const all = [
      ...slices(3),
      ...slices(3, { series: 2, rows: 4 }),
      ...(await Promise.all(slices(4).map(withoutSeries))),
      inMemory('b', Buffer.from('b')),
      inMemory('a', Buffer.from('a')),
    ];
    const [there, back] = [await scanSeries(all), await scanSeries(all.toReversed())];
    expect(back).toEqual(there);
    expect(there.refused.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(there.series.map(({ slices: { length } }) => length)).toEqual([1, 1, 1, 1, 3, 3]);
  });

  test('takes sources one by one from a stream, and holds four at most', async () => {
    let [held, most, taken] = [0, 0, 0];
    const source = (at: number): Source => ({
      name: String(at),
      async read() {
        held += 1;
        most = Math.max(most, held);
        await new Promise(setImmediate);
        held -= 1;
        return Buffer.from('no image');
      },
    });
    const stream = async function* () {
      for (; taken < 40; taken += 1) yield source(taken);
    };
    expect((await scanSeries(stream())).refused).toHaveLength(40);
    expect(most).toBe(4);
  });

  test('ends with the reason of an abort, also while a source hangs', async () => {
    const stop = new AbortController();
    const reason = new Error('the client went away');
    const hanging: Source = {
      name: 'hangs',
      read: async () => {
        setImmediate(() => stop.abort(reason));
        return new Promise(() => undefined);
      },
    };
    await expect(scanSeries([hanging, ...slices(3)], { signal: stop.signal })).rejects.toBe(reason);
  });

  test('ends with the reason of an abort, also while the stream of sources hangs', async () => {
    const stop = new AbortController();
    const reason = new Error('the client went away');
    const stream = async function* (): AsyncGenerator<Source> {
      yield* slices(2);
      setImmediate(() => stop.abort(reason));
      await new Promise(() => undefined);
    };
    await expect(scanSeries(stream(), { signal: stop.signal })).rejects.toBe(reason);
  });

  test('ends with the error of a source that cannot be read, and takes no more of them', async () => {
    const broken = new Error('EIO');
    let taken = 0;
    const stream = function* (): Generator<Source> {
      for (; taken < 100; taken += 1) yield { name: 'bad', read: async () => Promise.reject(broken) };
    };
    await expect(scanSeries(stream())).rejects.toBe(broken);
    expect(taken).toBeLessThan(10);
  });

  test('of nothing finds nothing', async () => {
    expect(await scanSeries([])).toEqual({ series: [], refused: [] });
  });
});
