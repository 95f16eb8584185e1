import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage } from '../src/index.ts';
import { chunk, lines, png } from './build-png.ts';
import { noData, realFile } from './real-files.ts';

const codeOf = async (file: Uint8Array): Promise<unknown> =>
  decodeImage(file).then(
    () => 'decoded',
    (error: unknown) => (error as { code?: unknown }).code,
  );
const wideLevel = (at: number) => (at * 258) % 65_536;
const square = { rows: 16, columns: 16 };

describe('a PNG', () => {
  test('of 8 bits keeps every level', async () => {
    const file = png({ ...square, depth: 8, colour: 0, lines: lines(16, 16, 8, (at) => at) });
    expect(await decodeImage(file)).toEqual({
      kind: 'grey',
      ...square,
      bits: 8,
      pixels: Uint8Array.from({ length: 256 }, (_, at) => at),
      source: 'png',
      colourfulness: 0,
    });
  });

  test('of 16 bits keeps every level', async () => {
    const image = await decodeImage(
      png({ ...square, depth: 16, colour: 0, lines: lines(16, 16, 16, wideLevel) }),
    );
    expect(image).toMatchObject({
      bits: 16,
      pixels: Uint16Array.from({ length: 256 }, (_, at) => wideLevel(at)),
    });
  });

  test('with a gamma or a profile of its own keeps its levels all the same', async () => {
    const gamma = Buffer.alloc(4);
    gamma.writeUInt32BE(100_000);
    const extra = [chunk('gAMA', gamma)];
    const image = await decodeImage(
      png({ ...square, depth: 8, colour: 0, lines: lines(16, 16, 8, (at) => at), extra }),
    );
    expect(image.pixels).toEqual(Uint8Array.from({ length: 256 }, (_, at) => at));
  });

  test.each([8, 16] as const)('of three equal colours of %d bits is grey without loss', async (depth) => {
    const level = (at: number) => Math.floor(at / 3) * (depth === 16 ? 255 : 1);
    const image = await decodeImage(png({ ...square, depth, colour: 2, lines: lines(16, 48, depth, level) }));
    expect([...image.pixels]).toEqual(Array.from({ length: 256 }, (_, at) => level(at * 3)));
  });

  test('in colour becomes grey by the weights of BT.601', async () => {
    const image = await decodeImage(
      png({ ...square, depth: 8, colour: 2, lines: lines(16, 48, 8, (at) => [200, 100, 50][at % 3] ?? 0) }),
    );
    expect(image.pixels[0]).toBe(Math.round(0.299 * 200 + 0.587 * 100 + 0.114 * 50));
  });

  test('that is half transparent is that much darker', async () => {
    const image = await decodeImage(
      png({ ...square, depth: 8, colour: 4, lines: lines(16, 32, 8, (at) => (at % 2 === 0 ? 200 : 51)) }),
    );
    expect(image.pixels[0]).toBe(40);
  });

  test.each([
    [
      'declares 100000 columns',
      png({ rows: 1, columns: 100_000, depth: 8, colour: 0, lines: new Uint8Array(4) }),
      'LIMIT_EXCEEDED',
    ],
    [
      'declares no rows',
      png({ rows: 0, columns: 1, depth: 8, colour: 0, lines: new Uint8Array(4) }),
      'CORRUPT',
    ],
    [
      'has fewer pixels than it declares',
      png({ ...square, depth: 8, colour: 0, lines: new Uint8Array(40) }),
      'CORRUPT',
    ],
    [
      'is a signature and no more',
      png({ ...square, depth: 8, colour: 0, lines: new Uint8Array(4) }).subarray(0, 8),
      'TRUNCATED',
    ],
  ])('that %s is refused', async (_, file, code) => {
    expect(await codeOf(file)).toBe(code);
  });

  test('with one wrong bit is refused', async () => {
    const file = png({ ...square, depth: 8, colour: 0, lines: lines(16, 16, 8, (at) => at) });
    file[file.length - 20] = (file[file.length - 20] ?? 0) ^ 1;
    expect(await codeOf(file)).toBe('CORRUPT');
  });
});

describe('a JPEG', () => {
  const pixels = Buffer.from(Uint8Array.from({ length: 64 * 64 }, (_, at) => at % 251));
  const grey = sharp(pixels, { raw: { width: 64, height: 64, channels: 1 } });

  test.each([
    ['baseline', { progressive: false }],
    ['progressive', { progressive: true }],
  ])('that is %s is read', async (_, options) => {
    const image = await decodeImage(
      await grey
        .clone()
        .jpeg({ quality: 100, ...options })
        .toBuffer(),
    );
    expect(image).toMatchObject({ kind: 'grey', rows: 64, columns: 64, bits: 8, source: 'jpeg' });
    const furthest = Math.max(...image.pixels.map((level, at) => Math.abs(level - (pixels[at] ?? 0))));
    expect(furthest).toBeLessThanOrEqual(3);
  });

  test('in four inks is refused', async () => {
    const file = await grey.clone().toColourspace('cmyk').jpeg().toBuffer();
    expect(await codeOf(file)).toBe('PIXEL_FORMAT_UNSUPPORTED');
  });

  test.each([
    ['12 bits', 4, 12],
    ['a lossless process', 1, 0xc3],
  ])('of %s is refused', async (_, offset, value) => {
    const file = await grey.clone().jpeg().toBuffer();
    file[file.indexOf(Uint8Array.of(0xff, 0xc0)) + offset] = value;
    expect(await codeOf(file)).toBe('PIXEL_FORMAT_UNSUPPORTED');
  });

  test('whose scan is broken off before its end marker is refused', async () => {
    const file = await grey.clone().jpeg().toBuffer();
    expect(await codeOf(Buffer.concat([file.subarray(0, file.length - 300), Buffer.of(0xff, 0xd9)]))).toBe(
      'CORRUPT',
    );
  });
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['text', Buffer.from('hello')],
  ['a GIF', Buffer.from('GIF89a\0\0')],
  ['zeros', Buffer.alloc(4096)],
])('%s is not an image', async (_, file) => {
  expect(await codeOf(file)).toBe('NOT_AN_IMAGE');
});

test.skipIf(noData)('real pictures are read', async () => {
  expect(await decodeImage(realFile('iq-oth-nccd/normal/Normal case (10).jpg'))).toMatchObject({
    rows: 512,
    bits: 8,
  });
});
