import { afterAll, describe, expect, test } from 'vitest';
import { closeDecoders, decodeImage, writeOverlayCapture } from '../src/index.ts';
import type { Overlay } from '../src/index.ts';
import { colourOf } from '../src/report/picture.ts';
import { aSlice, edit, text } from './edit-dicom.ts';
import { aStamp, anOverlay, factsOf, reader } from './report/fixtures.ts';

afterAll(closeDecoders);

// As wide as the longest line at one pixel a dot.
const SIDE = 256;
const WHOLE = { top: 0, left: 0, rows: SIDE, columns: SIDE };

async function capture(over: Partial<Overlay> = {}) {
  const written = reader(await writeOverlayCapture(anOverlay(over), aSlice(), aStamp()));
  const pixels = written.pixels();
  const at = (row: number, column: number) => [
    ...pixels.subarray((row * SIDE + column) * 3, (row * SIDE + column) * 3 + 3),
  ];
  return { ...written, pixels, at };
}

/** One grey all over. */
const grey = (level: number): Overlay['image'] => ({
  kind: 'grey',
  rows: SIDE,
  columns: SIDE,
  bits: 8,
  pixels: new Uint8Array(SIDE * SIDE).fill(level),
  source: 'png',
});

const hu = (value: number, inverted = false): Overlay['image'] => ({
  kind: 'hu',
  rows: SIDE,
  columns: SIDE,
  pixels: new Float32Array(SIDE * SIDE).fill(value),
  source: 'dicom',
  transferSyntax: '1.2.840.10008.1.2.1',
  inverted,
});
const level = async (over: Partial<Overlay>) => (await capture({ heat: evenHeat(0), ...over })).at(...MIDDLE);

const evenHeat = (value: number) => ({ rows: 1, columns: 1, values: Float32Array.of(value) });
// Between the lines of text and left of the scale.
const MIDDLE = [128, 5] as const;

const lightness = (value: number) => {
  const [red, green, blue] = colourOf(value);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

describe('the tint', () => {
  test('leaves the slice as it is where the heat is low', async () => {
    const { at } = await capture({ image: grey(90), heat: evenHeat(0.2) });
    expect(at(...MIDDLE)).toEqual([90, 90, 90]);
  });

  test('takes the share of the opacity where the heat is highest', async () => {
    const { at } = await capture({ image: grey(100), heat: evenHeat(1), opacity: 0.25 });
    expect(at(...MIDDLE)).toEqual([227, 26, 28].map((colour) => Math.round(75 + colour / 4)));
  });

  test('grows between', async () => {
    const { at } = await capture({ image: grey(0), heat: evenHeat(0.6), opacity: 1 });
    expect(at(...MIDDLE)).toEqual(colourOf(0.6).map((colour) => Math.round(colour / 2)));
  });

  test('what is no number is no heat, and what is over 1 is 1', async () => {
    const none = await capture({ image: grey(90), heat: evenHeat(Number.NaN) });
    const most = await capture({ image: grey(90), heat: evenHeat(7) });
    const one = await capture({ image: grey(90), heat: evenHeat(1) });
    expect(none.at(...MIDDLE)).toEqual([90, 90, 90]);
    expect(most.at(...MIDDLE)).toEqual(one.at(...MIDDLE));
  });

  test('covers the region alone that the model saw', async () => {
    const region = { top: 128, left: 4, rows: 4, columns: 4 };
    const { at } = await capture({ image: grey(90), heat: evenHeat(1), region });
    expect(at(127, 5)).toEqual([90, 90, 90]);
    expect(at(128, 5)).not.toEqual([90, 90, 90]);
    expect(at(131, 7)).not.toEqual([90, 90, 90]);
    expect(at(131, 8)).toEqual([90, 90, 90]);
  });

  test('its colours darken as they rise, so that they order without hue', () => {
    for (let step = 1; step <= 100; step += 1) {
      expect(lightness(step / 100)).toBeLessThan(lightness((step - 1) / 100));
    }
  });
});

describe('the slice below', () => {
  test.each([
    ['the low end of the lung window', -1350, 0],
    ['its middle', -600.5, 128],
    ['its high end', 149, 255],
    ['below', -1024 - 2000, 0],
    ['above', 3071, 255],
  ])('%s of Hounsfield units', async (_where, value, want) => {
    expect(await level({ image: hu(value) })).toEqual([want, want, want]);
  });

  test('goes through the window that was asked for', async () => {
    expect(await level({ image: hu(40), window: { center: 40.5, width: 401 } })).toEqual([128, 128, 128]);
  });

  test('of MONOCHROME1 is shown the other way round', async () => {
    expect(await level({ image: hu(149, true) })).toEqual([0, 0, 0]);
  });
});

describe('the words', () => {
  test('are burned in, at the top and the bottom, and stated in the header', async () => {
    const { pixels, text: read } = await capture({ heat: evenHeat(0) });
    const white = (from: number, to: number) =>
      pixels.subarray(from * SIDE * 3, to * SIDE * 3).filter((level) => level === 255).length;
    expect(white(0, 12)).toBeGreaterThan(100);
    expect(white(SIDE - 24, SIDE)).toBeGreaterThan(100);
    expect(white(20, 60)).toBe(0);
    expect(read('x00280301')).toBe('YES');
    expect(read('x0008103e')).toBe('RESEARCH USE ONLY - malignant - vgg16-lung 1.2.0');
    expect(read('x00082111')).toContain('Research use only, not for diagnosis.');
    expect(read('x00082111')).toContain('sha256:0123456789abcdef');
  });

  test('leave room for the slice: in a small picture the warning alone is kept', async () => {
    const side = 96;
    const image = {
      ...grey(0),
      rows: side,
      columns: side,
      pixels: new Uint8Array(side * side),
    } as Overlay['image'];
    const { pixels } = await capture({ image, heat: evenHeat(0) });
    expect(pixels.subarray(0, 40 * side * 3).includes(255)).toBe(true);
    expect(pixels.subarray(80 * side * 3).includes(255)).toBe(false);
  });

  test('fit into a picture that is hardly larger than a letter', async () => {
    const image = { ...grey(0), rows: 3, columns: 2, pixels: new Uint8Array(6) } as Overlay['image'];
    const { data } = await capture({ image });
    expect([data.uint16('x00280010'), data.uint16('x00280011')]).toEqual([3, 2]);
  });
});

const frameNamed = async (frames: number) => {
  const facts = factsOf(aSlice(), { frame: 17, frames });
  const { data } = await capture({ facts });
  return data.elements['x00082112']?.items?.[0]?.dataSet?.string('x00081160');
};

describe('the object', () => {
  test('has the size, place and frame of reference of its slice', async () => {
    const { text: read, data } = await capture();
    expect([data.uint16('x00280010'), data.uint16('x00280011'), data.uint16('x00280002')]).toEqual([
      SIDE,
      SIDE,
      3,
    ]);
    expect(read('x00200032')).toBe('-12.5\\0.33333333333333\\1e-9');
    expect(read('x00200037')).toBe('1\\0\\0\\0\\1\\0');
    expect(read('x00280030')).toBe('0.7\\0.8');
    expect(read('x00200052')).toBe(factsOf(aSlice()).frameOfReferenceUid);
    expect(read('x0020000d')).toBe(factsOf(aSlice()).studyUid);
    expect(read('x00080008')).toBe('DERIVED\\SECONDARY');
  });

  test('names the frame of a slice that is one of several', async () => {
    expect([await frameNamed(40), await frameNamed(1)]).toEqual(['17', undefined]);
  });

  test('keeps on record that its source was compressed with loss', async () => {
    const source = edit(aSlice(), { 0x0028_2110: text('CS', '01'), 0x0028_2112: text('DS', '9.5') });
    const { text: read } = reader(await writeOverlayCapture(anOverlay(), source, aStamp()));
    expect([read('x00282110'), read('x00282112')]).toEqual(['01', '9.5']);
    const facts = factsOf(aSlice(), { lossyRatio: 12 });
    expect((await capture({ facts })).text('x00282112')).toBe('12');
  });

  test('is never classified itself: it is no CT to our own decoder', async () => {
    const bytes = await writeOverlayCapture(anOverlay(), aSlice(), aStamp());
    await expect(decodeImage(bytes)).rejects.toMatchObject({ code: 'NOT_CT' });
  });
});

describe('an overlay that contradicts itself throws', () => {
  test.each<[string, Partial<Overlay>, object]>([
    [
      'heat of another size',
      { heat: { rows: 2, columns: 2, values: new Float32Array(5) } },
      { code: 'PIXEL_LENGTH_MISMATCH' },
    ],
    [
      'no heat',
      { heat: { rows: 0, columns: 0, values: new Float32Array(0) } },
      { code: 'PIXEL_LENGTH_MISMATCH' },
    ],
    ['pixels of another size', { image: { ...grey(0), rows: 63 } }, { code: 'PIXEL_LENGTH_MISMATCH' }],
    ['a region outside', { region: { ...WHOLE, top: 1 } }, { name: 'RangeError' }],
    ['a region of half pixels', { region: { ...WHOLE, top: 0.5, rows: 2 } }, { name: 'RangeError' }],
    ['too much opacity', { opacity: 1.1 }, { name: 'RangeError' }],
    ['a slice of another study', { facts: factsOf(aSlice({ patientId: 'P2' })) }, { name: 'TypeError' }],
  ])('%s', async (_what, over, want) => {
    await expect(writeOverlayCapture(anOverlay(over), aSlice(), aStamp())).rejects.toMatchObject(want);
  });
});
