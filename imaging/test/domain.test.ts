import { afterAll, describe, expect, test } from 'vitest';
import { checkDomain, closeDecoders, decodeImage, lungMask } from '../src/index.ts';
import type { GreyImage, HuImage } from '../src/index.ts';
import { lines, png } from './build-png.ts';
import { expectedPixels, noData, realFile } from './real-files.ts';
import { render } from './render.ts';
import { greyRamp, roundChest } from './synthetic-image.ts';

afterAll(closeDecoders);

const CHEST = { domain: 'chest-ct' } as const;
const PICTURE = { domain: 'ct-picture' } as const;
const ANY = { domain: 'any' } as const;
const LUNG = { center: -600, width: 1500 };
const noLungs = (): HuImage => roundChest({ lungs: [40, 40] });
const refusal = (act: () => void): { readonly code?: unknown; readonly message?: unknown } => {
  try {
    act();
  } catch (error) {
    return error as { code?: unknown; message?: unknown };
  }
  return {};
};

describe('the domain chest-ct', () => {
  test.each([
    undefined,
    '',
    'CHEST',
    'Thorax',
    'TH CT CHEST WO C',
    'LUNG',
    'HEAD_NECK_CHEST',
    'CHESTABDPELVIS',
  ])('takes a slice with lungs whose header says %s', (bodyPart) => {
    expect(() => {
      checkDomain(roundChest(), CHEST, { bodyPart });
    }).not.toThrow();
  });

  test.each(['WHOLE BODY', 'SPINE', 'TSPINE', 'KNIE', 'XYZ'])(
    'refuses nothing for the sake of the word %s',
    (bodyPart) => {
      expect(() => {
        checkDomain(roundChest({ bodyPart }), CHEST);
      }).not.toThrow();
    },
  );

  test.each([
    ['HEAD', 'HEAD'],
    ['brain', 'HEAD'],
    ['CT HEAD W/O', 'HEAD'],
    ['NECK', 'NECK'],
    ['ABDOMEN', 'ABDOMEN'],
    ['ABDOMENPELVIS', 'ABDOMEN'],
    ['PELVIS', 'PELVIS'],
    ['KNEE', 'EXTREMITY'],
  ])('refuses a slice of the body part %s, whatever is seen in it', (bodyPart, named) => {
    expect(refusal(() => checkDomain(roundChest({ bodyPart }), CHEST))).toMatchObject({
      code: 'NOT_CHEST',
      message: `The header names another body part than the chest: ${named}.`,
    });
  });

  test('goes by the facts where they are given', () => {
    expect(
      refusal(() => checkDomain(roundChest({ bodyPart: 'CHEST' }), CHEST, { bodyPart: 'FOOT' })),
    ).toMatchObject({
      code: 'NOT_CHEST',
    });
  });

  test('repeats nothing else that a header says', () => {
    const { message } = refusal(() => checkDomain(roundChest({ bodyPart: 'HEAD LESTRADE' }), CHEST));
    expect(message).not.toContain('LESTRADE');
  });

  test('refuses a slice without lungs, and says that this is why', () => {
    expect(refusal(() => checkDomain(noLungs(), CHEST))).toMatchObject({
      code: 'NOT_CHEST',
      message: 'No lung is seen in the slice.',
    });
  });

  test('leaves a picture to toTensor, which wants Hounsfield units', () => {
    expect(refusal(() => checkDomain(greyRamp(8), CHEST))).toEqual({});
  });
});

describe('what is seen of a slice', () => {
  test('is handed on, and not looked for where it is known', () => {
    const lungs = lungMask(roundChest());
    expect(checkDomain(roundChest(), CHEST)).toEqual({ lungs });
    expect(checkDomain(noLungs(), CHEST, undefined, { lungs })).toEqual({ lungs });
    expect(checkDomain(noLungs(), ANY)).toEqual({});
  });
});

describe('the domain any', () => {
  test('takes everything', () => {
    expect(refusal(() => checkDomain(noLungs(), ANY, { bodyPart: 'HEAD' }))).toEqual({});
    expect(refusal(() => checkDomain(greyRamp(8), ANY))).toEqual({});
  });
});

/** 96 by 128; the level of a pixel by its row and column. */
function picture(level: (row: number, column: number) => number, over: Partial<GreyImage> = {}): GreyImage {
  const [rows, columns] = [96, 128];
  const pixels = Uint8Array.from({ length: rows * columns }, (_, at) =>
    level(Math.floor(at / columns), at % columns),
  );
  return { kind: 'grey', rows, columns, bits: 8, pixels, source: 'png', colourfulness: 0, ...over };
}
const wide = ({ pixels, ...image }: GreyImage, factor: number): GreyImage => ({
  ...image,
  bits: 16,
  pixels: Uint16Array.from(pixels, (level) => level * factor),
});
const rendered = render(roundChest(), LUNG);
const negative = { ...rendered, pixels: rendered.pixels.map((level) => 255 - level) };
const nodule = picture((row, column) => ((row - 50) ** 2 + (column - 60) ** 2 < 9 ? 180 : 0));

describe('the domain ct-picture', () => {
  test.each<[string, GreyImage]>([
    ['a slice in the lung window', render(roundChest(), LUNG)],
    ['a slice in the widest lung window', render(roundChest(), { center: -600, width: 2000 })],
    ['a slice in the mediastinal window', render(roundChest(), { center: 40, width: 400 })],
    ['a slice in the bone window', render(roundChest(), { center: 400, width: 1800 })],
    ['a small nodule cut out on black', nodule],
    ['a slice of 16 bits', wide(render(roundChest(), LUNG), 257)],
    ['a slice of 12 bits in 16', wide(render(roundChest(), LUNG), 16)],
    ['a slice with a little colour written on it', { ...render(roundChest(), LUNG), colourfulness: 0.03 }],
  ])('takes %s', (_, image) => {
    expect(refusal(() => checkDomain(image, PICTURE))).toEqual({});
  });

  test.each<[string, GreyImage, string]>([
    ['a picture in colour', { ...render(roundChest(), LUNG), colourfulness: 0.2 }, 'it is in colour'],
    ['a blank page', picture(() => 255), 'it is blank'],
    ['a black page', picture(() => 0), 'it is blank'],
    [
      'a pale picture',
      picture((row, column) => 120 + ((row * column) % 100)),
      'nothing in it is as dark as air',
    ],
    ['a slice with black for white', negative, 'too little of it is as dark as air'],
    [
      'a ramp from left to right',
      picture((_row, column) => column * 2),
      'too little of it is as dark as air',
    ],
    [
      'a dark thing before a bright wall',
      picture((row, column) => (row > 10 && row < 90 && column > 20 && column < 110 ? 5 : 220)),
      'its edge is not as dark as air',
    ],
    [
      'a dark room with two lamps',
      picture((row, column) => (row < 10 && (column < 10 || column > 117) ? 240 : 10)),
      'its corners are not as dark as air',
    ],
  ])('refuses %s', (_, image, why) => {
    expect(refusal(() => checkDomain(image, PICTURE))).toMatchObject({
      code: 'OUT_OF_DOMAIN',
      message: `The picture does not look like a CT slice: ${why}.`,
    });
  });

  test('takes a DICOM slice, which a contract of pictures may render, where it is one of the chest', () => {
    expect(refusal(() => checkDomain(roundChest(), PICTURE))).toEqual({});
    expect(refusal(() => checkDomain(noLungs(), PICTURE))).toMatchObject({
      code: 'NOT_CHEST',
      message: 'No lung is seen in the slice.',
    });
    expect(refusal(() => checkDomain(roundChest(), PICTURE, { bodyPart: 'HEAD' }))).toMatchObject({
      code: 'NOT_CHEST',
    });
  });
});

const rgb = (colour: 2 | 6, sample: (at: number) => number): Buffer =>
  png({ rows: 8, columns: 8, depth: 8, colour, lines: lines(8, colour === 2 ? 24 : 32, 8, sample) });
const colourOf = async (file: Buffer): Promise<unknown> => {
  const image = await decodeImage(file);
  return image.kind === 'grey' ? image.colourfulness : undefined;
};

describe('the colour of a picture', () => {
  test('is the share of its pixels whose channels are far apart', async () => {
    // Of 64 pixels, 16 are red.
    expect(await colourOf(rgb(2, (at) => (at < 48 && at % 3 > 0 ? 0 : 200)))).toBe(0.25);
  });

  test('is none where the channels are equal, or apart as JPEG leaves them', async () => {
    expect(await colourOf(rgb(2, () => 77))).toBe(0);
    expect(await colourOf(rgb(2, (at) => 77 + (at % 3) * 8))).toBe(0);
  });

  test('does not count where nothing is seen', async () => {
    expect(await colourOf(rgb(6, (at) => [255, 0, 0, 0][at % 4] ?? 0))).toBe(0);
    expect(await colourOf(rgb(6, (at) => [255, 0, 0, 255][at % 4] ?? 0))).toBe(1);
  });
});

describe.skipIf(noData)(`real slices ${noData || ''}`, () => {
  const paths = expectedPixels()
    .filter(({ modality }) => modality === 'CT')
    .map(({ path }) => path);
  const chest = paths.filter((path) => /series-LungFCP|CT1_(?!j2k_4\.91)/.test(path));

  test.each(chest)('of the chest pass as such, and as pictures: %s', async (path) => {
    const image = await decodeImage(realFile(path));
    expect(refusal(() => checkDomain(image, CHEST))).toEqual({});
    if (image.kind !== 'hu') throw new TypeError('a slice');
    for (const window of [LUNG, { center: 40, width: 400 }]) {
      expect(refusal(() => checkDomain(render(image, window), PICTURE))).toEqual({});
    }
  });

  test.each([
    ['dicom/out-of-domain/CT2_head_j2k-lossless_4.90.dcm', 'No lung is seen in the slice.'],
    ['dicom/transfer-syntaxes/CTImage_implicit-le_1.2.dcm', 'No lung is seen in the slice.'],
    ['dicom/traps/J2K_pixelrep_mismatch.dcm', 'The header names another body part than the chest: HEAD.'],
    ['dicom/traps/bad_sequence.dcm', 'The header names another body part than the chest: NECK.'],
  ])('of another region are refused: %s', async (path, message) => {
    const image = await decodeImage(realFile(path));
    expect(refusal(() => checkDomain(image, CHEST))).toMatchObject({ code: 'NOT_CHEST', message });
  });
});
