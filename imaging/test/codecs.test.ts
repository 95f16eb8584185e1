import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { cutFrames } from '../src/dicom/frames.ts';
import { readHeader } from '../src/dicom/header.ts';
import { decodeFrame } from '../src/dicom/stored.ts';
import type { FrameLayout } from '../src/dicom/stored.ts';
import { packingOf } from '../src/dicom/transfer-syntax.ts';
import { ImagingError } from '../src/index.ts';
import { encodeJpegLossless, flatTable } from './encode-jpeg-lossless.ts';
import { noData, realFile } from './real-files.ts';
import { encodeHtj2k, encodeJpeg, encodeJpeg2000, encodeJpegLs } from './wasm-encoders.ts';
import type { Picture } from './wasm-encoders.ts';

const grey: Picture = {
  rows: 48,
  columns: 40,
  components: 1,
  bits: 12,
  signed: false,
  samples: Array.from({ length: 1920 }, (_, at) => (at * 13 + (at % 7) * 301) % 4096),
};
const grey8: Picture = { ...grey, bits: 8, samples: grey.samples.map((value) => value >> 4) };
const colour: Picture = {
  ...grey8,
  components: 3,
  samples: [1, 2, 3].flatMap((k) => grey8.samples.map((v) => (v * k) & 255)),
};

const lossless = (picture: Picture): Uint8Array =>
  encodeJpegLossless({
    ...picture,
    samples: Uint16Array.from(picture.samples),
    selection: 1,
    pointTransform: 0,
    restartRows: 0,
    interleaved: true,
    tables: [flatTable],
  });

function layoutOf(picture: Picture, over: Partial<FrameLayout> = {}): FrameLayout {
  const bitsStored = over.bitsStored ?? picture.bits;
  return {
    packing: 'native-le',
    rows: picture.rows,
    columns: picture.columns,
    samplesPerPixel: picture.components,
    planar: 0,
    bitsAllocated: bitsStored <= 8 ? 8 : 16,
    bitsStored,
    highBit: bitsStored - 1,
    signed: picture.signed,
    photometric: picture.components === 1 ? 'MONOCHROME2' : 'RGB',
    ...over,
  };
}

const decode = async (frame: Uint8Array, layout: FrameLayout) => [...(await decodeFrame(frame, layout))];
const code = (refusal: unknown) => (refusal instanceof ImagingError ? refusal.code : refusal);
const bytesOf = (...words: readonly number[]) => new Uint8Array(Uint16Array.from(words).buffer);

describe('native pixels', () => {
  const four: FrameLayout = layoutOf({ ...grey, rows: 2, columns: 2 });

  test.each([
    ['of all 16 bits with a sign', { bitsStored: 16, highBit: 15, signed: true }, [-1, -32_768, 32_767, 0]],
    ['of all 16 bits without one', { bitsStored: 16, highBit: 15 }, [65_535, 32_768, 32_767, 0]],
    ['of 12 bits with a sign, whatever stands above them', { signed: true }, [-1, 0, -1, 0]],
    ['of 12 bits without one', {}, [4095, 0, 4095, 0]],
    ['of 12 bits at the top', { highBit: 15, signed: true }, [-1, -2048, 2047, 0]],
  ])('%s are read as they are declared', async (_, over, wanted) => {
    expect(await decode(bytesOf(65_535, 32_768, 32_767, 0), { ...four, ...over })).toEqual(wanted);
  });

  test('of 8 bits with a sign are read as such', async () => {
    const layout = layoutOf({ ...grey8, rows: 1, columns: 2, signed: true });
    expect(await decode(Uint8Array.of(255, 127), layout)).toEqual([-1, 127]);
  });

  test('are swapped where they are big-endian, and the bytes given stay as they were', async () => {
    const given = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]);
    const layout = { ...four, packing: 'native-be', bitsStored: 16, highBit: 15 } as const;
    expect(await decode(given, layout)).toEqual([0x0102, 0x0304, 0x0506, 0x0708]);
    expect([...given]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('may lie at an odd place in memory', async () => {
    const frame = Uint8Array.of(0, ...bytesOf(1, 2, 3, 4)).subarray(1);
    expect(await decode(frame, four)).toEqual([1, 2, 3, 4]);
  });

  test('in planes come by pixel, and the bytes given stay as they were', async () => {
    const planes = Buffer.from([1, 2, 11, 12, 21, 22]);
    const layout = layoutOf({ ...colour, rows: 1, columns: 2 }, { planar: 1 });
    expect(await decode(planes, layout)).toEqual([1, 11, 21, 2, 12, 22]);
    expect(await decode(planes, { ...layout, planar: 0 })).toEqual([1, 2, 11, 12, 21, 22]);
    expect([...planes]).toEqual([1, 2, 11, 12, 21, 22]);
  });

  test.each([
    ['a frame that is short', {}, 6, 'PIXEL_LENGTH_MISMATCH'],
    ['a frame that is long', {}, 10, 'PIXEL_LENGTH_MISMATCH'],
    ['32 bits', { bitsAllocated: 32 }, 16, 'PIXEL_FORMAT_UNSUPPORTED'],
    [
      'big-endian bytes, whose order their VR would tell',
      { packing: 'native-be', bitsAllocated: 8 },
      4,
      'PIXEL_FORMAT_UNSUPPORTED',
    ],
    ['colour of which half is left out', { photometric: 'YBR_FULL_422' }, 8, 'PIXEL_FORMAT_UNSUPPORTED'],
  ] as const)('refuse %s', async (_, over, length, code) => {
    await expect(decodeFrame(new Uint8Array(length), { ...four, ...over })).rejects.toMatchObject({ code });
  });
});

const codecs = [
  ['jpeg-lossless', async (picture: Picture) => lossless(picture), grey],
  ['jpeg-ls', encodeJpegLs, grey],
  ['jpeg-2000', encodeJpeg2000, grey],
  ['htj2k', encodeHtj2k, grey],
  ['jpeg-baseline', encodeJpeg, grey8],
] as const;

describe.each(codecs)('%s', (packing, encode, picture) => {
  const layout = layoutOf(picture, { packing });

  test('gives the pixels back, exactly or (JPEG at its best quality) within 2', async () => {
    const stored = await decode(await encode(picture), layout);
    const furthest = Math.max(...stored.map((value, at) => Math.abs(value - (picture.samples[at] ?? 0))));
    expect(furthest).toBeLessThanOrEqual(packing === 'jpeg-baseline' ? 2 : 0);
  });

  test('is TRUNCATED wherever it ends early, and the next frame is read', async () => {
    const frame = await encode(picture);
    const lengths = [5, 12, 60, 200, Math.floor(frame.length / 2), frame.length - 3, frame.length - 1];
    for (const length of lengths) {
      const cut = decodeFrame(frame.subarray(0, length), layout);
      await expect(cut).rejects.toMatchObject({ code: 'TRUNCATED' });
    }
    expect(await decode(frame, layout)).toHaveLength(1920);
  });

  test('is refused where its data end early and an end marker hides it', async () => {
    const frame = await encode(picture);
    const closed = Uint8Array.of(...frame.subarray(0, Math.floor(frame.length * 0.7)), 0xff, 0xd9);
    await expect(decodeFrame(closed, layout)).rejects.toMatchObject({ name: 'ImagingError' });
    expect(await decode(frame, layout)).toHaveLength(1920);
  });

  test.each([
    ['more rows', { rows: 49 }],
    ['fewer columns', { columns: 39 }],
    ['colour', { samplesPerPixel: 3 }],
  ] as const)('is refused where the header declares %s', async (_, over) => {
    const refusal = decodeFrame(await encode(picture), { ...layout, ...over });
    await expect(refusal).rejects.toMatchObject({ code: 'PIXEL_LENGTH_MISMATCH' });
  });

  test('is refused where it is something else', async () => {
    const noise = Uint8Array.from({ length: 400 }, (_, at) => (at * 151) & 255);
    await expect(decodeFrame(noise, layout)).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});

describe('colour comes by pixel', () => {
  const planes = [0, 1, 2].flatMap((k) => colour.samples.filter((_, at) => at % 3 === k));

  test.each([
    ['JPEG lossless', 'jpeg-lossless', async () => lossless(colour)],
    ['JPEG-LS by plane', 'jpeg-ls', async () => encodeJpegLs({ ...colour, samples: planes }, 0)],
    ['JPEG-LS by line', 'jpeg-ls', async () => encodeJpegLs(colour, 1)],
    ['JPEG-LS by sample', 'jpeg-ls', async () => encodeJpegLs(colour, 2)],
    ['JPEG 2000', 'jpeg-2000', async () => encodeJpeg2000(colour)],
    ['HTJ2K', 'htj2k', async () => encodeHtj2k(colour)],
  ] as const)('from %s, exactly', async (_, packing, encode) => {
    expect(await decode(await encode(), layoutOf(colour, { packing }))).toEqual(colour.samples);
  });

  test('from JPEG, of whichever coding, as RGB', async () => {
    const flat = { ...colour, samples: colour.samples.map((_, at) => [200, 100, 50][at % 3] ?? 0) };
    const layout = layoutOf(colour, { packing: 'jpeg-baseline', photometric: 'YBR_FULL_422' });
    const stored = await decode(await encodeJpeg(flat), layout);
    expect(Math.max(...stored.map((v, at) => Math.abs(v - (flat.samples[at] ?? 0))))).toBeLessThanOrEqual(2);
  });

  test.each([
    ['16-bit colour', { ...colour, bits: 16 }],
    ['bytes with a sign', { ...grey8, signed: true }],
  ] as const)('but %s of HTJ2K, which its decoder would lose, is refused', async (_, picture) => {
    // SIZ is all that is looked at.
    const codestream = await encodeHtj2k(picture.components === 3 ? colour : grey8);
    for (let k = 0; k < picture.components; k += 1) codestream[42 + 3 * k] = picture.signed ? 0x87 : 15;
    const refusal = decodeFrame(codestream, layoutOf(picture, { packing: 'htj2k' }));
    await expect(refusal).rejects.toMatchObject({ code: 'PIXEL_FORMAT_UNSUPPORTED' });
  });
});

describe('a codestream whose bits are not those of the header', () => {
  const small = { ...grey, bits: 16, samples: grey.samples };
  const large = { ...small, samples: grey.samples.map((value, at) => (at === 77 ? 4096 : value)) };
  const negative = {
    ...small,
    samples: grey.samples.map((value) => (value < 2048 ? value : value + 61_440)),
  };

  test.each([
    ['more bits, unused', small, { bitsStored: 12 }, grey.samples],
    ['more bits, one of them used', large, { bitsStored: 12 }, 'PIXEL_LENGTH_MISMATCH'],
    [
      'more bits, of which all are the sign',
      negative,
      { bitsStored: 12, signed: true },
      grey.samples.map((v) => (v << 20) >> 20),
    ],
    [
      'more bits, some of them used, and a sign',
      large,
      { bitsStored: 12, signed: true },
      'PIXEL_LENGTH_MISMATCH',
    ],
    [
      'as many bits, and no sign where there should be one',
      grey,
      { signed: true },
      grey.samples.map((v) => (v << 20) >> 20),
    ],
    ['fewer bits', grey, { bitsStored: 16 }, grey.samples],
    ['fewer bits and no sign', grey, { bitsStored: 16, signed: true }, 'PIXEL_LENGTH_MISMATCH'],
    ['one byte where there should be two', grey8, { bitsStored: 12 }, 'PIXEL_LENGTH_MISMATCH'],
    ['two bytes where there is room for one', grey, { bitsStored: 8 }, 'PIXEL_LENGTH_MISMATCH'],
    ['a high bit that leaves a gap', grey, { highBit: 15 }, 'PIXEL_FORMAT_UNSUPPORTED'],
  ] as const)('%s: its values, or a refusal', async (_, picture, over, wanted) => {
    const frames = [
      ['jpeg-ls', await encodeJpegLs(picture)],
      ['jpeg-lossless', lossless(picture)],
    ] as const;
    for (const [packing, frame] of frames) {
      const stored = decode(frame, layoutOf(picture, { packing, ...over }));
      expect(await stored.catch(code)).toEqual(wanted);
    }
  });
});

test('HTJ2K with its image off the origin is refused: its decoder would read beside it', async () => {
  const codestream = await encodeHtj2k(grey);
  // One column more, of which the first is left out.
  codestream[11] = 41;
  codestream[19] = 1;
  const refusal = decodeFrame(codestream, layoutOf(grey, { packing: 'htj2k' }));
  await expect(refusal).rejects.toMatchObject({ code: 'PIXEL_FORMAT_UNSUPPORTED' });
});

test('a progressive JPEG is no baseline JPEG', async () => {
  const refusal = decodeFrame(await encodeJpeg(grey8, true), layoutOf(grey8, { packing: 'jpeg-baseline' }));
  await expect(refusal).rejects.toMatchObject({ code: 'CORRUPT' });
});

test.each([
  ['1.2.840.10008.1.2.4.51', /JPEG Extended/],
  ['1.2.840.10008.1.2.4.53', /JPEG Spectral Selection/],
  ['1.2.840.10008.1.2.4.55', /JPEG Full Progression/],
  ['1.2.840.10008.1.2.4.92', /Multi-component/],
  ['1.2.840.10008.1.2.4.112', /JPEG XL/],
  ['1.2.3', /of this file \(1\.2\.3\)/],
  ['Doe^Jane', /\(not a UID\)/],
])('transfer syntax %s is refused by its name', (uid, name) => {
  expect(() => packingOf(uid)).toThrow(expect.objectContaining({ code: 'TRANSFER_SYNTAX_UNSUPPORTED' }));
  expect(() => packingOf(uid)).toThrow(name);
});

async function sha(path: string, frames: number): Promise<string> {
  const file = cutFrames(readHeader(realFile(path)));
  const hash = createHash('sha256');
  for (let n = 1; n <= frames; n += 1) hash.update(new Uint8Array((await file.decode(n)).buffer));
  return hash.digest('hex');
}

describe.skipIf(noData)(`real files ${noData || ''}`, () => {
  test.each([
    // As pydicom decodes them; the last with its plugins for GDCM and Pillow, pylibjpeg's is 1 off in 1.7 % of pixels.
    ['traps/SC_rgb_rle_2frame', 2, '03fc1f81c7a46d02561a200535dcb2de71512436299ac8cf1c59124e934af420'],
    ['traps/J2K_pixelrep_mismatch', 1, '22e412dd68b03a321ae228724c7d785d9142459e4166e2a42a6ef8025c886b90'],
    [
      'transfer-syntaxes/CTImage_jpeg-baseline8_4.50',
      1,
      '5c20db7d03fc3bffbbedf235c1933642a12584c163e7281eafb36bb7d6ff11bf',
    ],
  ])('%s gives the pixels of pydicom', async (name, frames, wanted) => {
    expect(await sha(`dicom/${name}.dcm`, frames)).toBe(wanted);
  });
});
