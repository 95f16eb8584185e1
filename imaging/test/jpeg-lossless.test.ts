import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutFrames } from '../src/dicom/frames.ts';
import { readHeader } from '../src/dicom/header.ts';
import { decodeJpegLossless } from '../src/dicom/jpeg-lossless/decode.ts';
import { ImagingError } from '../src/index.ts';
import { encodeJpegLossless, flatTable, steepTable } from './encode-jpeg-lossless.ts';
import type { LosslessPicture } from './encode-jpeg-lossless.ts';
import { expectedPixels, noData, realFile } from './real-files.ts';

const anyFrame = () => {};

function aPicture(over: Partial<LosslessPicture> = {}): LosslessPicture {
  const picture = {
    rows: 5,
    columns: 7,
    components: 1,
    bits: 12,
    selection: 1,
    pointTransform: 0,
    restartRows: 0,
    interleaved: true,
    tables: [flatTable],
    ...over,
  } as const;
  const count = picture.rows * picture.columns * picture.components;
  // Neighbours that are near, and some that are not.
  const samples = Uint16Array.from(
    { length: count },
    (_, at) => (at * 37 + (at % 5) * 911) % 2 ** picture.bits,
  );
  return { samples, ...picture };
}

const pictures: fc.Arbitrary<LosslessPicture> = fc
  .record({
    rows: fc.integer({ min: 1, max: 9 }),
    columns: fc.integer({ min: 1, max: 9 }),
    components: fc.constantFrom(1 as const, 3 as const),
    bits: fc.integer({ min: 2, max: 16 }),
    selection: fc.integer({ min: 1, max: 7 }),
    restartRows: fc.integer({ min: 0, max: 3 }),
    interleaved: fc.boolean(),
    tables: fc.constantFrom(
      [flatTable],
      [steepTable],
      [flatTable, steepTable],
      [steepTable, flatTable, flatTable],
    ),
  })
  .chain((shape) => {
    const count = shape.rows * shape.columns * shape.components;
    const largest = 2 ** shape.bits - 1;
    const sample = fc.oneof(
      fc.integer({ min: 0, max: largest }),
      fc.constantFrom(0, largest, 2 ** (shape.bits - 1)),
    );
    return fc.record({
      ...Object.fromEntries(Object.entries(shape).map(([name, value]) => [name, fc.constant(value)])),
      pointTransform: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: shape.bits - 1 })),
      samples: fc
        .array(sample, { minLength: count, maxLength: count })
        .map((values) => Uint16Array.from(values)),
    }) as fc.Arbitrary<LosslessPicture>;
  });

const code = (decode: () => unknown): string => {
  try {
    decode();
    return 'pixels';
  } catch (error) {
    if (error instanceof ImagingError) return error.code;
    throw error;
  }
};

describe('JPEG lossless', () => {
  test('any picture comes back: predictors, bits, point transform, restarts, one scan or three', () => {
    fc.assert(
      fc.property(pictures, (picture) => {
        const { pointTransform, samples } = picture;
        const wanted = samples.map((sample) => (sample >> pointTransform) << pointTransform);
        expect(decodeJpegLossless(encodeJpegLossless(picture), anyFrame)).toEqual(wanted);
      }),
      { numRuns: 400 },
    );
  });

  test('a difference of 32768 has a code and no bits of its own', () => {
    const picture = aPicture({ bits: 16, rows: 1, columns: 3, samples: Uint16Array.of(0, 32_768, 0) });
    expect(decodeJpegLossless(encodeJpegLossless(picture), anyFrame)).toEqual(picture.samples);
  });

  test('cut anywhere, and even closed again with an end marker, it is refused', () => {
    fc.assert(
      fc.property(pictures, fc.nat(), (picture, seed) => {
        const frame = encodeJpegLossless(picture);
        const cut = frame.subarray(0, seed % frame.length);
        expect(code(() => decodeJpegLossless(cut, anyFrame))).not.toBe('pixels');
        const closed = Uint8Array.of(...cut.subarray(0, frame.length - 3), 0xff, 0xd9);
        expect(code(() => decodeJpegLossless(closed, anyFrame))).not.toBe('pixels');
      }),
      { numRuns: 300 },
    );
    const frame = encodeJpegLossless(aPicture());
    for (const length of [3, 10, 60, frame.length - 3, frame.length - 1]) {
      expect(code(() => decodeJpegLossless(frame.subarray(0, length), anyFrame))).toBe('TRUNCATED');
    }
  });

  test('bytes changed anywhere give pixels of the declared size or a refusal, never another error', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(pictures, fc.array(change, { minLength: 1, maxLength: 4 }), (picture, changes) => {
        const frame = encodeJpegLossless(picture);
        for (const { at, byte } of changes) frame[at % frame.length] = byte;
        const awaited = (found: { rows: number; columns: number; components: readonly unknown[] }) => {
          const { rows, columns, components } = picture;
          if (found.rows === rows && found.columns === columns && found.components.length === components)
            return;
          throw new ImagingError('PIXEL_LENGTH_MISMATCH');
        };
        code(() => expect(decodeJpegLossless(frame, awaited).length).toBe(picture.samples.length));
      }),
      { numRuns: 600 },
    );
  });

  test('asks whether the size is the awaited one before it makes room for the pixels', () => {
    const frame = encodeJpegLossless(aPicture());
    frame.set([0xff, 0xff, 0xff, 0xff], frame.indexOf(0xc3) + 4);
    const refusal = code(() =>
      decodeJpegLossless(frame, (found) => {
        expect(found).toMatchObject({ rows: 65_535, columns: 65_535, bits: 12 });
        throw new ImagingError('PIXEL_LENGTH_MISMATCH');
      }),
    );
    expect(refusal).toBe('PIXEL_LENGTH_MISMATCH');
  });

  test.each([
    ['data that go on after the last sample', aPicture(), { rows: 4 }, 'CORRUPT'],
    ['data that end before the last sample', aPicture(), { rows: 6 }, 'TRUNCATED'],
    ['samples of more bits than the precision', aPicture(), { bits: 5 }, 'CORRUPT'],
    ['a precision of 17 bits', aPicture(), { bits: 17 }, 'CORRUPT'],
    ['another process (baseline)', aPicture(), { marker: 0xc0 }, 'CORRUPT'],
    [
      'a component at half the resolution',
      aPicture({ components: 3 }),
      { sampling: 0x21 },
      'PIXEL_FORMAT_UNSUPPORTED',
    ],
  ])('refuses %s', (_, picture, lie, refusal) => {
    const frame = encodeJpegLossless(picture);
    const at = Buffer.from(frame).indexOf(Uint8Array.of(0xff, 0xc3));
    if ('marker' in lie) frame[at + 1] = lie.marker ?? 0;
    if ('bits' in lie) frame[at + 4] = lie.bits ?? 0;
    if ('rows' in lie) frame[at + 6] = lie.rows ?? 0;
    if ('sampling' in lie) frame[at + 11] = lie.sampling ?? 0;
    expect(code(() => decodeJpegLossless(frame, anyFrame))).toBe(refusal);
  });

  test.each([
    ['a table of more codes than there are', [1, ...flatTable.slice(1)].map((length) => Math.min(length, 3))],
    ['a table that lacks a code that is used', flatTable.map((length, ssss) => (ssss > 8 ? 0 : length))],
  ])('refuses %s', (_, lengths) => {
    const frame = encodeJpegLossless(aPicture({ bits: 16, tables: [lengths] }));
    expect(['CORRUPT', 'TRUNCATED']).toContain(code(() => decodeJpegLossless(frame, anyFrame)));
  });

  test.each([
    ['out of order', 0xd5, 'CORRUPT'],
    ['taken for data', 0x00, 'CORRUPT'],
  ])('refuses a restart marker that is %s', (_, marker, refusal) => {
    const frame = encodeJpegLossless(aPicture({ restartRows: 2 }));
    frame[Buffer.from(frame).indexOf(Uint8Array.of(0xff, 0xd0)) + 1] = marker;
    expect(code(() => decodeJpegLossless(frame, anyFrame))).toBe(refusal);
  });
});

describe.skipIf(noData)(`real JPEG lossless files ${noData || ''}`, () => {
  const rows = expectedPixels().filter(({ transferSyntax }) => /\.4\.(57|70)$/.test(transferSyntax));

  test('there are some of both syntaxes, and the one whose last pixel other decoders lose', () => {
    expect(rows.map(({ path }) => path)).toContain('dicom/traps/bad_sequence.dcm');
    expect(new Set(rows.map(({ transferSyntax }) => transferSyntax)).size).toBe(2);
  });

  test.each(rows)(
    'decodes $path to the stored values of pydicom, to the last pixel',
    async ({ path, sha256 }) => {
      const stored = await cutFrames(readHeader(realFile(path))).decode(1);
      expect(createHash('sha256').update(new Uint8Array(stored.buffer)).digest('hex')).toBe(sha256);
    },
  );
});
