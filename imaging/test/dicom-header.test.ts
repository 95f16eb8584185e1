import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { closeDecoders, decodeImage } from '../src/index.ts';
import { aSlice, edit, ss, text, us, words } from './edit-dicom.ts';

const ROWS = 0x0028_0010;
const BITS_ALLOCATED = 0x0028_0100;
const BITS_STORED = 0x0028_0101;
const HIGH_BIT = 0x0028_0102;
const SIGN = 0x0028_0103;
const PADDING = 0x0028_0120;
const PADDING_LIMIT = 0x0028_0121;
const INTERCEPT = 0x0028_1052;
const SLOPE = 0x0028_1053;
const PIXELS = 0x7fe0_0010;
const sixteen = (start: readonly number[]) =>
  words([...start, ...Array.from({ length: 16 - start.length }, () => 0)]);

afterAll(closeDecoders);

const huOf = async (file: Uint8Array) => [...(await decodeImage(file)).pixels];
const codeOf = async (file: Uint8Array): Promise<unknown> =>
  decodeImage(file).then(
    () => 'decoded',
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe('stored values', () => {
  test('are sign-extended from the declared bits, whatever lies above them', async () => {
    // 0xf800 in 12 of 16 bits is -2048; the four bits above belong to nobody.
    const file = edit(aSlice(), {
      [SIGN]: us(1),
      [INTERCEPT]: text('DS', '0'),
      [PIXELS]: sixteen([0xa8ff, 0x5fff, 7]),
    });
    expect((await huOf(file)).slice(0, 3)).toEqual([-1024, -1, 7]);
  });

  test('are taken from below High Bit where that is not the lowest place', async () => {
    const file = edit(aSlice(), {
      [HIGH_BIT]: us(15),
      [INTERCEPT]: text('DS', '0'),
      [PIXELS]: sixteen([0x0010, 0x7ffa]),
    });
    expect((await huOf(file)).slice(0, 2)).toEqual([1, 0x7ff]);
  });

  test('of 8 bits are read byte by byte', async () => {
    const bytes = { vr: 'OB', value: Uint8Array.from({ length: 16 }, (_, at) => 255 - at) };
    const file = edit(aSlice(), {
      [BITS_ALLOCATED]: us(8),
      [BITS_STORED]: us(8),
      [HIGH_BIT]: us(7),
      [PIXELS]: bytes,
    });
    expect((await huOf(file)).slice(0, 2)).toEqual([255 - 1024, 254 - 1024]);
  });
});

describe('Hounsfield units', () => {
  test('follow slope and intercept and are clipped to -1024 and 3071', async () => {
    const file = edit(aSlice(), {
      [SLOPE]: text('DS', '2.5'),
      [INTERCEPT]: text('DS', ' -1.1E3'),
      [PIXELS]: sixteen([0, 31, 4095]),
    });
    expect((await huOf(file)).slice(0, 3)).toEqual([-1024, -1022.5, 3071]);
  });

  test('are -1024 where a value is declared padding', async () => {
    const file = edit(aSlice(), {
      [INTERCEPT]: text('DS', '0'),
      [PADDING]: us(4000),
      [PIXELS]: sixteen([4000, 4001]),
    });
    expect((await huOf(file)).slice(0, 2)).toEqual([-1024, 3071]);
  });

  test('are -1024 over a declared range of signed padding', async () => {
    const file = edit(aSlice(), {
      [SIGN]: us(1),
      [INTERCEPT]: text('DS', '-1000'),
      [PADDING]: ss(-10),
      [PADDING_LIMIT]: ss(-20),
      [PIXELS]: sixteen([0x10000 - 9, 0x10000 - 10, 0x10000 - 20, 0x10000 - 21]),
    });
    expect((await huOf(file)).slice(0, 4)).toEqual([-1009, -1024, -1024, -1021]);
  });

  test.each([
    ['a value', { [PADDING]: us(1064) }],
    ['a range', { [PADDING]: us(0), [PADDING_LIMIT]: us(1064) }],
  ])('stay what they are where the padding is declared as %s of tissue', async (_, padding) => {
    const file = edit(aSlice(), { ...padding, [PIXELS]: sixteen([1064, 500]) });
    expect((await huOf(file)).slice(0, 2)).toEqual([40, -524]);
  });

  test('do not depend on the photometric interpretation, which speaks of display', async () => {
    const image = await decodeImage(edit(aSlice(), { 0x0028_0004: text('CS', 'MONOCHROME1') }));
    expect(image).toMatchObject({ inverted: true });
    expect(image.pixels).toEqual((await decodeImage(aSlice())).pixels);
  });

  test.each([
    ['no slope', { [SLOPE]: undefined }],
    ['no intercept', { [INTERCEPT]: undefined }],
    ['a slope of zero', { [SLOPE]: text('DS', '0') }],
    ['a slope that is no number', { [SLOPE]: text('DS', '1;2') }],
    ['two slopes', { [SLOPE]: text('DS', '1\\2') }],
    ['another unit', { 0x0028_1054: text('LO', 'US') }],
  ])('are refused rather than guessed with %s', async (_, change) => {
    expect(await codeOf(edit(aSlice(), change))).toBe('HU_UNKNOWN');
  });
});

describe('a header is refused', () => {
  test.each([
    ['another modality', { 0x0008_0060: text('CS', 'MR') }, 'NOT_CT'],
    ['no modality', { 0x0008_0060: undefined }, 'NOT_CT'],
    ['more rows than pixels', { [ROWS]: us(5) }, 'PIXEL_LENGTH_MISMATCH'],
    ['fewer rows than pixels', { [ROWS]: us(3) }, 'PIXEL_LENGTH_MISMATCH'],
    ['no rows', { [ROWS]: us(0) }, 'CORRUPT'],
    ['65535 rows and columns', { [ROWS]: us(65_535), 0x0028_0011: us(65_535) }, 'LIMIT_EXCEEDED'],
    ['several frames', { 0x0028_0008: text('IS', '2') }, 'SEVERAL_FRAMES'],
    ['frames that are no number', { 0x0028_0008: text('IS', '1A') }, 'CORRUPT'],
    ['three samples', { 0x0028_0002: us(3), 0x0028_0004: text('CS', 'RGB') }, 'PIXEL_FORMAT_UNSUPPORTED'],
    ['a palette', { 0x0028_0004: text('CS', 'PALETTE COLOR') }, 'PIXEL_FORMAT_UNSUPPORTED'],
    ['32 bits', { [BITS_ALLOCATED]: us(32) }, 'PIXEL_FORMAT_UNSUPPORTED'],
    ['more bits stored than allocated', { [BITS_STORED]: us(17) }, 'CORRUPT'],
    ['no bits stored', { [BITS_STORED]: undefined }, 'CORRUPT'],
    ['a sign that is neither', { [SIGN]: us(2) }, 'CORRUPT'],
    [
      'a slope of a million digits',
      { [SLOPE]: { vr: 'UN', value: Buffer.alloc(1e6, '1') } },
      'LIMIT_EXCEEDED',
    ],
    [
      'a UID of a million blanks',
      { 0x0002_0010: { vr: 'UN', value: Buffer.alloc(1e6, ' ') } },
      'TRANSFER_SYNTAX_UNSUPPORTED',
    ],
    ['no pixels', { [PIXELS]: undefined }, 'TRUNCATED'],
    [
      'raw data of a CT scanner, which has none',
      { [PIXELS]: undefined, 0x0008_0016: text('UI', '1.2.840.10008.5.1.4.1.1.66') },
      'NOT_CT',
    ],
    ['more frames than are read', { 0x0028_0008: text('IS', '4097') }, 'LIMIT_EXCEEDED'],
    [
      'an image of more samples than are read',
      { [ROWS]: us(4096), 0x0028_0011: us(4096), 0x0028_0002: us(3) },
      'LIMIT_EXCEEDED',
    ],
    ['no transfer syntax', { 0x0002_0010: undefined }, 'CORRUPT'],
    [
      'a transfer syntax that is none',
      { 0x0002_0010: text('UI', 'Doe^John') },
      'TRANSFER_SYNTAX_UNSUPPORTED',
    ],
    ['plain pixels called RLE', { 0x0002_0010: text('UI', '1.2.840.10008.1.2.5\0') }, 'CORRUPT'],
  ])('for %s', async (_, change, code) => {
    expect(await codeOf(edit(aSlice(), change))).toBe(code);
  });

  test('without repeating what is not a UID', async () => {
    const file = edit(aSlice(), { 0x0002_0010: text('UI', 'Doe^John') });
    await expect(decodeImage(file)).rejects.not.toThrow(/Doe/);
  });

  test('for a deflated data set that unfolds beyond measure', async () => {
    const { meta } = deflated();
    const noise = randomBytes(1024 * 1024);
    const [zeros, random] = [Buffer.alloc(8 * 1024 * 1024), Buffer.alloc(129 * 1024 * 1024, noise)];
    // By its ratio, and by its size.
    for (const [data, level] of [
      [zeros, 9],
      [random, 1],
    ] as const) {
      const bomb = deflateRawSync(data, { level });
      expect(await codeOf(Buffer.concat([meta, bomb]))).toBe('LIMIT_EXCEEDED');
    }
  });

  test('for a deflated data set that is cut or no deflate stream', async () => {
    const { meta, body } = deflated();
    expect(await codeOf(Buffer.concat([meta, body.subarray(0, body.length - 9)]))).toBe('TRUNCATED');
    expect(await codeOf(Buffer.concat([meta, Buffer.alloc(50, 0xff)]))).toBe('CORRUPT');
  });
});

// dicom-parser would read the first bytes of the deflate stream as an element, and find small files cut.
test('a small deflated file is read', async () => {
  const { meta, body } = deflated();
  expect(await huOf(Buffer.concat([meta, body]))).toEqual(await huOf(aSlice()));
});

function deflated() {
  const file = edit(aSlice(), { 0x0002_0010: text('UI', '1.2.840.10008.1.2.1.99') });
  const metaEnd = 144 + Buffer.from(file).readUInt32LE(140);
  return { meta: file.subarray(0, metaEnd), body: deflateRawSync(file.subarray(metaEnd)) };
}
