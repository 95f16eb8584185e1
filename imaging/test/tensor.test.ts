import { describe, expect, test } from 'vitest';
import { defaultContract, toTensor } from '../src/index.ts';
import type { GreyImage, HuImage } from '../src/index.ts';

const LUNG = { center: -600, width: 1500 };
const MEANS_BGR = [103.939, 116.779, 123.68];

const slice = (hu: number, over: Partial<HuImage> = {}): HuImage => ({
  kind: 'hu',
  rows: 2,
  columns: 3,
  pixels: new Float32Array(6).fill(hu),
  source: 'dicom',
  transferSyntax: '1.2.840.10008.1.2.1',
  ...over,
});
const picture = (over: Partial<GreyImage> = {}): GreyImage => ({
  kind: 'grey',
  rows: 32,
  columns: 32,
  bits: 8,
  pixels: Uint8Array.from({ length: 32 * 32 }, (_, at) => at % 256),
  source: 'png',
  ...over,
});
const narrow = (center: number) => ({ center, width: 102 });
/** The first pixel as grey levels in the order R, G, B. */
const firstPixel = ({ tensor }: { tensor: Float32Array }) =>
  MEANS_BGR.map(
    (mean, channel) => Math.round(((tensor[channel] ?? Number.NaN) + mean) * 1000) / 1000 + 0,
  ).toReversed();

describe('an hu contract', () => {
  test('puts the first window in red, so in the last of the channels B, G, R', () => {
    const contract = {
      ...defaultContract('hu', 32),
      windows: [narrow(-600), narrow(40), narrow(400)],
    } as const;
    expect(firstPixel(toTensor(slice(-600), contract))).toEqual([128.762, 0, 0]);
    expect(firstPixel(toTensor(slice(40), contract))).toEqual([255, 128.762, 0]);
    expect(firstPixel(toTensor(slice(400), contract))).toEqual([255, 255, 128.762]);
  });

  test.each([
    [-1350, 0],
    [-1349, 0.17],
    [-600, 127.585],
    [149, 255],
    [148, 254.83],
  ])('maps %d HU through the lung window by the linear function of PS3.3 to %d', (hu, level) => {
    const [red] = firstPixel(toTensor(slice(hu), defaultContract('hu', 32)));
    expect(red).toBeCloseTo(level, 2);
  });

  test('makes a step of a window one wide', () => {
    const step = { center: 0, width: 1 };
    const contract = { ...defaultContract('hu', 32), windows: [step, step, step] } as const;
    expect(firstPixel(toTensor(slice(-0.5), contract))).toEqual([0, 0, 0]);
    expect(firstPixel(toTensor(slice(0), contract))).toEqual([255, 255, 255]);
  });

  test('refuses a picture, which has no Hounsfield units', () => {
    expect(() => toTensor(picture(), defaultContract('hu', 32))).toThrow(
      expect.objectContaining({ code: 'CONTRACT_MISMATCH' }),
    );
  });
});

describe('a grey contract', () => {
  test('gives three equal channels less the means, in rows, columns, channels', () => {
    const { tensor, warnings } = toTensor(picture(), defaultContract('grey', 32));
    expect(warnings).toEqual([]);
    expect(tensor).toHaveLength(32 * 32 * 3);
    const pixel = [...tensor.subarray(3 * 37, 3 * 38)];
    expect(pixel).toEqual(MEANS_BGR.map((mean) => Math.fround(37 - mean)));
  });

  test('reads 16 bits as the 8 bits that they extend', () => {
    const wide = picture({ bits: 16, pixels: Uint16Array.from(picture().pixels, (level) => level * 257) });
    expect(toTensor(wide, defaultContract('grey', 32))).toEqual(
      toTensor(picture(), defaultContract('grey', 32)),
    );
  });

  test('renders a CT slice through its window and says so', () => {
    const answer = toTensor(slice(-600), defaultContract('grey', 32, LUNG));
    expect(answer.warnings).toEqual([expect.objectContaining({ code: 'RENDERED' })]);
    expect(answer.warnings[0]?.message).toContain('not for diagnosis');
    const level = firstPixel(toTensor(slice(-600), defaultContract('hu', 32)))[0];
    expect(firstPixel(answer)).toEqual([level, level, level]);
  });

  test('renders a MONOCHROME1 slice with its low values white, as a display would', () => {
    const contract = defaultContract('grey', 32, LUNG);
    expect(firstPixel(toTensor(slice(-1024, { inverted: true }), contract))[0]).toBeCloseTo(
      255 - (firstPixel(toTensor(slice(-1024), contract))[0] ?? 0),
      2,
    );
  });

  test('refuses a CT slice when it names no window', () => {
    expect(() => toTensor(slice(0), defaultContract('grey', 32))).toThrow(
      expect.objectContaining({ code: 'CONTRACT_MISMATCH' }),
    );
  });

  test('refuses an image with fewer pixels than it declares', () => {
    expect(() => toTensor(picture({ rows: 33 }), defaultContract('grey', 32))).toThrow(
      expect.objectContaining({ code: 'PIXEL_LENGTH_MISMATCH' }),
    );
  });

  test('crops the centred square when asked to, and otherwise squeezes', () => {
    // 32 rows, 64 columns: dark left and right quarters, bright middle.
    const pixels = Uint8Array.from({ length: 32 * 64 }, (_, at) => (at % 64 >= 16 && at % 64 < 48 ? 200 : 0));
    const wide = picture({ columns: 64, pixels });
    const cropped = toTensor(wide, { ...defaultContract('grey', 32), crop: 'center-square' });
    expect(cropped).toEqual(
      toTensor(picture({ pixels: new Uint8Array(32 * 32).fill(200) }), defaultContract('grey', 32)),
    );
    expect(firstPixel(toTensor(wide, defaultContract('grey', 32)))).toEqual([0, 0, 0]);
  });
});
