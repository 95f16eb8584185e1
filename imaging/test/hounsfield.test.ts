import { afterAll, describe, expect, test } from 'vitest';
import { closeDecoders, decodeImage, inspectDicom, readFacts } from '../src/index.ts';
import { aSlice, edit, encapsulated, sq, ss, text, us, words } from './edit-dicom.ts';
import type { Elements } from './edit-dicom.ts';

const SIGN = 0x0028_0103;
const BITS_STORED = 0x0028_0101;
const HIGH_BIT = 0x0028_0102;
const PADDING = 0x0028_0120;
const INTERCEPT = 0x0028_1052;
const SLOPE = 0x0028_1053;
const LOSSY = 0x0028_2110;
const RATIO = 0x0028_2112;
const LUT = 0x0028_3000;
const DESCRIPTOR = 0x0028_3002;
const LUT_TYPE = 0x0028_3004;
const LUT_DATA = 0x0028_3006;
const PIXELS = 0x7fe0_0010;

const sixteen = (start: readonly number[]) =>
  words([...start, ...Array.from({ length: 16 - start.length }, () => start[0] ?? 0)]);
const huOf = async (file: Uint8Array) => [...(await decodeImage(file)).pixels];
const codeOf = async (file: Uint8Array): Promise<unknown> =>
  decodeImage(file).then(
    () => 'decoded',
    (error: unknown) => (error as { code?: unknown }).code,
  );

const inspected = async (change: Elements) =>
  (await inspectDicom(edit(aSlice(), { [SIGN]: us(1), [INTERCEPT]: text('DS', '0'), ...change }))).huRange;

afterAll(closeDecoders);

describe('a modality LUT', () => {
  const lut = (over: Elements = {}) =>
    sq({
      [DESCRIPTOR]: us(4, 10, 16),
      [LUT_TYPE]: text('LO', 'HU'),
      [LUT_DATA]: words([5, 7, 12, 20]),
      ...over,
    });

  test('replaces slope and intercept; its ends stand for all that lies beyond them', async () => {
    const file = edit(aSlice(), { [LUT]: lut(), [PIXELS]: sixteen([9, 10, 11, 13, 14, 4000]) });
    expect((await huOf(file)).slice(0, 6)).toEqual([5, 5, 7, 20, 20, 20]);
  });

  test('starts at a signed value where the pixels are signed', async () => {
    const file = edit(aSlice(), {
      [SIGN]: us(1),
      [LUT]: lut({ [DESCRIPTOR]: ss(4, -2, 16) }),
      [PIXELS]: sixteen([0xffff, 0xfffe, 0x8000, 1]),
    });
    // 0x8000 in 12 of 16 bits is 0.
    expect((await huOf(file)).slice(0, 4)).toEqual([7, 5, 12, 20]);
  });

  test('of 65,536 entries is declared as one of none', async () => {
    const values = Array.from({ length: 65_536 }, (_, at) => at >> 5);
    const file = edit(aSlice(), {
      [BITS_STORED]: us(16),
      [HIGH_BIT]: us(15),
      [LUT]: lut({ [DESCRIPTOR]: us(0, 0, 16), [LUT_DATA]: words(values) }),
      [PIXELS]: sixteen([0, 31, 32, 65_535]),
    });
    expect((await huOf(file)).slice(0, 4)).toEqual([0, 0, 1, 2047]);
  });

  test('of 8 bits lies in bytes or in words', async () => {
    const bytes = { vr: 'OW', value: Uint8Array.of(1, 2, 3, 4) };
    for (const data of [bytes, words([1, 2, 3, 4])]) {
      const file = edit(aSlice(), {
        [LUT]: lut({ [DESCRIPTOR]: us(4, 10, 8), [LUT_DATA]: data }),
        [PIXELS]: sixteen([10, 11, 12, 13]),
      });
      expect((await huOf(file)).slice(0, 4)).toEqual([1, 2, 3, 4]);
    }
  });

  test.each([
    ['leads to another unit', { [LUT_TYPE]: text('LO', 'OD') }, 'HU_UNKNOWN'],
    ['names no unit', { [LUT_TYPE]: undefined }, 'HU_UNKNOWN'],
    ['has fewer entries than it declares', { [DESCRIPTOR]: us(5, 10, 16) }, 'CORRUPT'],
    ['has no descriptor', { [DESCRIPTOR]: undefined }, 'CORRUPT'],
    ['has no data', { [LUT_DATA]: undefined }, 'CORRUPT'],
    ['has entries of 7 bits', { [DESCRIPTOR]: us(4, 10, 7) }, 'CORRUPT'],
  ])('that %s is refused', async (_, over, code) => {
    expect(await codeOf(edit(aSlice(), { [LUT]: lut(over) }))).toBe(code);
  });
});

describe('what lost too much is refused', () => {
  test.each([
    ['as the header declares', { [LOSSY]: text('CS', '01'), [RATIO]: text('DS', '8.1') }, 'LOSSY_TOO_STRONG'],
    [
      'in one of two compressions',
      { [LOSSY]: text('CS', '01'), [RATIO]: text('DS', '10\\2') },
      'LOSSY_TOO_STRONG',
    ],
    ['by steps of more than 6 HU', { [SLOPE]: text('DS', '32.1216') }, 'LOSSY_TOO_STRONG'],
    ['by steps downwards', { [SLOPE]: text('DS', '-7') }, 'LOSSY_TOO_STRONG'],
    ['but not at 8 : 1', { [LOSSY]: text('CS', '01'), [RATIO]: text('DS', '8') }, 'decoded'],
    ['but not where nothing was lost', { [LOSSY]: text('CS', '00'), [RATIO]: text('DS', '9') }, 'decoded'],
    [
      'by steps of a modality LUT',
      {
        [LUT]: sq({ [DESCRIPTOR]: us(2, 0, 16), [LUT_TYPE]: text('LO', 'HU'), [LUT_DATA]: words([0, 900]) }),
      },
      'LOSSY_TOO_STRONG',
    ],
    ['but not by steps of 2 HU', { [SLOPE]: text('DS', '2.0002442') }, 'decoded'],
  ])('%s', async (_, change, code) => {
    expect(await codeOf(edit(aSlice(), change))).toBe(code);
  });

  test('and is reported all the same', async () => {
    const file = edit(aSlice(), { [LOSSY]: text('CS', '01'), [RATIO]: text('DS', '40') });
    expect((await readFacts(file))[0]?.lossyRatio).toBe(40);
    expect((await inspectDicom(file)).huRange).toEqual({ min: -1024, max: -1009 });
  });

  test('with loss but no ratio counts as what it takes', async () => {
    const file = edit(aSlice(), { [LOSSY]: text('CS', '01') });
    expect((await readFacts(file))[0]?.lossyRatio).toBe(1);
  });

  // The codestream's own markers say whether the ratio is one of loss.
  test.each([
    [
      'JPEG 2000 with the 9-7 wavelet',
      '1.2.840.10008.1.2.4.91',
      [0xff52, 0x000c, 0, 1, 0, 0x0504, 0x0400],
      true,
    ],
    [
      'JPEG 2000 with the 5-3 wavelet',
      '1.2.840.10008.1.2.4.91',
      [0xff52, 0x000c, 0, 1, 0, 0x0504, 0x0401],
      false,
    ],
  ])('is measured of %s', async (_, syntax, cod, lossy) => {
    const siz = [0xff4f, 0xff51, 0x0004, 0x0000];
    const stream = Buffer.alloc(2 * (siz.length + cod.length));
    for (const [at, word] of [...siz, ...cod].entries()) stream.writeUInt16BE(word, 2 * at);
    const file = edit(aSlice(), {
      0x0002_0010: text('UI', syntax),
      [PIXELS]: encapsulated([stream]),
    });
    const ratio = (await readFacts(file))[0]?.lossyRatio;
    expect(ratio).toEqual(lossy ? 32 / stream.length : undefined);
  });
});

describe('a localiser is refused', () => {
  test.each([
    ['ORIGINAL\\PRIMARY\\LOCALIZER', 'LOCALIZER'],
    ['ORIGINAL\\PRIMARY\\LOCALIZER\\CT_SOM5 TOP', 'LOCALIZER'],
    ['ORIGINAL\\PRIMARY\\AXIAL', 'decoded'],
  ])('by its image type %s: %s', async (type, code) => {
    const file = edit(aSlice(), { 0x0008_0008: text('CS', type) });
    expect(await codeOf(file)).toBe(code);
    expect((await readFacts(file))[0]?.localizer).toBe(code === 'LOCALIZER');
  });
});

describe('the range of an inspection', () => {
  const low = 0x800; // -2048 in 12 bits

  test('is not clipped above, and leaves declared padding out', async () => {
    const file = edit(aSlice(), {
      [SLOPE]: text('DS', '2'),
      [PADDING]: us(4000),
      [PIXELS]: sixteen([500, 3999, 4000]),
    });
    expect((await inspectDicom(file)).huRange).toEqual({ min: -24, max: 6974 });
  });

  test('leaves out what no matter has, whatever padding is declared', async () => {
    expect(await inspected({ [PADDING]: ss(-1000), [PIXELS]: sixteen([low, 0xfc18, 40]) })).toEqual({
      min: 40,
      max: 40,
    });
  });

  test.each([
    ['all is padding', { [PIXELS]: sixteen([low]) }],
    ['the unit is unknown', { [SLOPE]: undefined }],
    ['the modality is another', { 0x0008_0060: text('CS', 'PT') }],
  ])('is absent where %s', async (_, change) => {
    expect(await inspected(change)).toBeUndefined();
  });
});
