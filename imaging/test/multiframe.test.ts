import { afterAll, describe, expect, test } from 'vitest';
import { cutFrames } from '../src/dicom/frames.ts';
import { readHeader } from '../src/dicom/header.ts';
import { closeDecoders, decodeImage, inspectDicom, openDicom, readFacts } from '../src/index.ts';
import { aSlice, edit, encapsulated, longs, ss, text, us, words } from './edit-dicom.ts';
import { enhancedCt } from './enhanced-ct.ts';
import { noData, realFile } from './real-files.ts';

const FRAMES = 0x0028_0008;
const SYNTAX = 0x0002_0010;
const PIXELS = 0x7fe0_0010;
const OFFSETS = 0x7fe0_0001;
const LENGTHS = 0x7fe0_0002;
const RLE = text('UI', '1.2.840.10008.1.2.5\0');
const J2K = text('UI', '1.2.840.10008.1.2.4.90\0');

const three = [
  { z: 10, stored: 100 },
  { z: 12.5, stored: 100, slope: 2, intercept: -1024 },
  { z: 15, stored: 300, slope: 0.5, intercept: 7, type: 'LOCALIZER' },
];

afterAll(closeDecoders);

/** The first HU of every frame, or the code of its refusal. */
async function framesOf(bytes: Uint8Array): Promise<readonly unknown[]> {
  const file = await openDicom(bytes);
  try {
    return await Promise.all(
      file.facts.map(async ({ frame }) => file.frame(frame).then(({ pixels }) => pixels[0], codeOf)),
    );
  } finally {
    file.close();
  }
}

const nine = (value: number) => Array.from({ length: 9 }, () => value);
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

describe('an enhanced CT object', () => {
  test.each(['known lengths', 'delimiters', 'implicit'] as const)(
    'tells of every frame where it lies, by its functional groups, written with %s',
    async (encoding) => {
      const facts = await readFacts(enhancedCt(three, { encoding }));
      expect(facts.map(({ frame, position, localizer }) => ({ frame, position, localizer }))).toEqual([
        { frame: 1, position: [-10, -20, 10], localizer: false },
        { frame: 2, position: [-10, -20, 12.5], localizer: false },
        { frame: 3, position: [-10, -20, 15], localizer: true },
      ]);
      for (const shared of facts) {
        expect(shared).toMatchObject({
          sopClass: '1.2.840.10008.5.1.4.1.1.2.1',
          frames: 3,
          orientation: [
            [1, 0, 0],
            [0, 1, 0],
          ],
          pixelSpacing: [0.7, 0.8],
          sliceThicknessMm: 1.25,
          gantryTiltDegrees: 12.5,
          kernel: 'B70f',
          bodyPart: 'CHEST',
        });
      }
    },
  );

  test('gives every frame in its own Hounsfield units, and none of a localiser', async () => {
    expect(await framesOf(enhancedCt(three))).toEqual([100, -824, 'LOCALIZER']);
  });

  test('carries spacing and body part into the image', async () => {
    const file = await openDicom(enhancedCt(three));
    expect(await file.frame(2)).toMatchObject({ pixelSpacing: [0.7, 0.8], bodyPart: 'CHEST' });
    file.close();
  });

  test('keeps what a legacy converted object could not assign', async () => {
    const converted = enhancedCt(three.slice(0, 1), {
      shared: {
        0x0018_9314: undefined,
        0x0020_9170: { vr: 'SQ', value: new Uint8Array(), items: [{ 0x0018_1210: text('SH', 'STANDARD') }] },
      },
    });
    expect((await readFacts(converted))[0]?.kernel).toBe('STANDARD');
  });

  test('of several frames is no single slice; of one it is', async () => {
    await expect(decodeImage(enhancedCt(three))).rejects.toMatchObject({ code: 'SEVERAL_FRAMES' });
    expect((await decodeImage(enhancedCt(three.slice(1, 2)))).pixels[0]).toBe(-824);
  });

  test('with fewer functional groups than frames is refused', async () => {
    const file = enhancedCt(three.slice(0, 2), { change: { [FRAMES]: text('IS', '3') } });
    await expect(readFacts(file)).rejects.toMatchObject({ code: 'CORRUPT' });
  });

  test('gives no position to frames that share the one of the data set', async () => {
    const file = edit(aSlice(), {
      [FRAMES]: text('IS', '2'),
      [PIXELS]: words(Array.from({ length: 32 }, () => 0)),
    });
    expect((await readFacts(file)).map(({ position }) => position)).toEqual([undefined, undefined]);
  });
});

/** A 4 × 4 frame of 16 bits in RLE: two segments of one run each. */
function rleFrame(stored: number): Uint8Array {
  const frame = Buffer.alloc(64 + 4);
  for (const [at, value] of [2, 64, 66].entries()) frame.writeUInt32LE(value, 4 * at);
  frame.set([257 - 16, stored >> 8, 257 - 16, stored & 0xff], 64);
  return frame;
}

const rle = [1100, 1200, 1300].map(rleFrame);
const starts = [0, 76, 152];

describe('compressed frames', () => {
  test.each([
    ['no table', {}],
    ['a basic offset table', { [PIXELS]: encapsulated(rle, starts) }],
    [
      'an extended offset table',
      { [OFFSETS]: longs(starts), [LENGTHS]: longs(rle.map(({ length }) => length)) },
    ],
  ])('are found with %s', async (_, change) => {
    const file = edit(aSlice(), {
      [SYNTAX]: RLE,
      [FRAMES]: text('IS', '3'),
      [PIXELS]: encapsulated(rle),
      ...change,
    });
    expect(await framesOf(file)).toEqual([76, 176, 276]);
  });

  test.each([
    ['an offset table of another size', { [PIXELS]: encapsulated(rle, [0, 76]) }],
    ['an offset table that points between fragments', { [PIXELS]: encapsulated(rle, [0, 75, 152]) }],
    ['an offset table that runs backwards', { [PIXELS]: encapsulated(rle, [0, 152, 76]) }],
    ['an offset table that does not start at the first', { [PIXELS]: encapsulated(rle, [76, 152, 152]) }],
    ['more RLE fragments than frames', { [PIXELS]: encapsulated([...rle, rleFrame(1)]) }],
    ['extended offsets without lengths', { [OFFSETS]: longs(starts) }],
    ['extended lengths beyond the fragment', { [OFFSETS]: longs(starts), [LENGTHS]: longs([68, 70, 68]) }],
    ['extended lengths short of the fragment', { [OFFSETS]: longs(starts), [LENGTHS]: longs([68, 60, 68]) }],
    [
      'both tables',
      {
        [OFFSETS]: longs(starts),
        [LENGTHS]: longs([68, 68, 68]),
        [PIXELS]: encapsulated(rle, starts),
      },
    ],
  ])('are refused with %s', async (_, change) => {
    const file = edit(aSlice(), {
      [SYNTAX]: RLE,
      [FRAMES]: text('IS', '3'),
      [PIXELS]: encapsulated(rle),
      ...change,
    });
    await expect(inspectDicom(file)).rejects.toMatchObject({ code: 'CORRUPT' });
  });

  test('fewer fragments than frames are refused', async () => {
    const file = edit(aSlice(), { [SYNTAX]: RLE, [FRAMES]: text('IS', '4'), [PIXELS]: encapsulated(rle) });
    await expect(inspectDicom(file)).rejects.toMatchObject({ code: 'PIXEL_LENGTH_MISMATCH' });
  });

  test('an object that gives no number of frames has one, in however many fragments', async () => {
    const frame = j2kFrame();
    const parts = [frame.subarray(0, 30), frame.subarray(30, 60), frame.subarray(60)];
    expect((await readFacts(inJ2k(undefined, parts))).length).toBe(1);
    const cut = cutFrames(readHeader(inJ2k(undefined, parts)));
    expect(Buffer.from(cut.bytes(1)).equals(frame)).toBe(true);
  });

  test('frames in several fragments without a table are told apart by their first markers', async () => {
    const [a, b] = [j2kFrame(), j2kFrame()];
    const cut = cutFrames(readHeader(inJ2k('2', [a.subarray(0, 50), a.subarray(50), b])));
    expect(Buffer.from(cut.bytes(1)).equals(a)).toBe(true);
    expect(Buffer.from(cut.bytes(2)).equals(b)).toBe(true);
    const unclear = inJ2k('2', [a.subarray(0, 50), a.subarray(50), b.subarray(4)]);
    await expect(inspectDicom(unclear)).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});

describe.skipIf(noData)(`real codestreams ${noData || ''}`, () => {
  test.each(['CT1_j2k-lossless_4.90', 'CT1_jpegls-lossless_4.80', 'CT1_jpeg-lossless-sv1_4.70'])(
    '%s in several fragments, with a table or without, gives its pixels in every frame',
    async (name) => {
      const plain = await decodeImage(realFile('dicom/transfer-syntaxes/CT1_explicit-le_1.2.1.dcm'));
      const { frame, transferSyntax } = real(name);
      const fragments = [...pieces(frame), frame, ...pieces(frame)];
      const padded = fragments.map(({ length }) => 8 + length + (length % 2));
      const startOf = (index: number) => padded.slice(0, index).reduce((sum, length) => sum + length, 0);
      for (const table of [[], [0, startOf(3), startOf(4)]]) {
        const file = await openDicom(
          edit(aSlice(), {
            [SYNTAX]: text('UI', `${transferSyntax}${transferSyntax.length % 2 === 1 ? '\0' : ''}`),
            [FRAMES]: text('IS', '3'),
            0x0028_0010: us(512),
            0x0028_0011: us(512),
            0x0028_0101: us(16),
            0x0028_0102: us(15),
            0x0028_0103: us(1),
            0x0028_0120: ss(-2000),
            [PIXELS]: encapsulated(fragments, table),
          }),
        );
        for (const n of [1, 2, 3]) expect((await file.frame(n)).pixels).toEqual(plain.pixels);
        file.close();
      }
    },
  );
});

function inJ2k(frames: string | undefined, fragments: readonly Uint8Array[]): Uint8Array {
  return edit(aSlice(), {
    [SYNTAX]: J2K,
    [FRAMES]: frames === undefined ? undefined : text('IS', frames),
    [PIXELS]: encapsulated(fragments),
  });
}

function real(name: string) {
  const header = readHeader(realFile(`dicom/transfer-syntaxes/${name}.dcm`));
  return { frame: cutFrames(header).bytes(1), transferSyntax: header.transferSyntax };
}

function pieces(frame: Uint8Array): readonly Uint8Array[] {
  return [frame.subarray(0, 1000), frame.subarray(1000, 20_000), frame.subarray(20_000)];
}

/** Starts and ends as a JPEG 2000 codestream does. */
function j2kFrame(): Buffer {
  return Buffer.concat([Buffer.from('ff4fff51', 'hex'), Buffer.alloc(94), Buffer.from('ffd9', 'hex')]);
}

describe('an opened file', () => {
  test('decodes native frames one by one, an odd number of bytes included', async () => {
    const file = edit(aSlice(), {
      [FRAMES]: text('IS', '3'),
      0x0028_0010: us(3),
      0x0028_0011: us(3),
      0x0028_0100: us(8),
      0x0028_0101: us(8),
      0x0028_0102: us(7),
      [PIXELS]: { vr: 'OB', value: Uint8Array.from([...nine(10), ...nine(20), ...nine(30), 0]) },
    });
    expect(await framesOf(file)).toEqual([-1014, -1004, -994]);
  });

  test('has the frames it names, and none after it is closed', async () => {
    const file = await openDicom(enhancedCt(three));
    await expect(file.frame(0)).rejects.toThrow(RangeError);
    await expect(file.frame(4)).rejects.toThrow(RangeError);
    await expect(file.frame(1.5)).rejects.toThrow(RangeError);
    file.close();
    await expect(file.frame(1)).rejects.toThrow(/closed/);
  });

  test('keeps its bytes when the caller changes them', async () => {
    const bytes = enhancedCt(three);
    const file = await openDicom(bytes);
    bytes.fill(0);
    expect((await file.frame(1)).pixels[0]).toBe(100);
    file.close();
  });

  test('does not mix its frames with those of another', async () => {
    const files = await Promise.all(
      [0, 1, 2, 3].map(async (k) =>
        openDicom(enhancedCt(Array.from({ length: 6 }, (_, n) => ({ z: n, stored: 10 * k + n })))),
      ),
    );
    const asked = [5, 0, 3, 1, 4, 2].flatMap((n) => files.map((file, k) => ({ file, k, n })));
    const hu = await Promise.all(asked.map(async ({ file, n }) => (await file.frame(n + 1)).pixels[0]));
    expect(hu).toEqual(asked.map(({ k, n }) => 10 * k + n));
    for (const file of files) file.close();
  });

  test('ends a frame that is aborted with the reason of the abort', async () => {
    const file = await openDicom(enhancedCt(three));
    const reason = new Error('the client went away');
    await expect(file.frame(1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect((await file.frame(1)).pixels[0]).toBe(100);
    file.close();
  });
});
