import { createHash } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { closeDecoders, decodeImage, defaultContract, toTensor } from '../src/index.ts';
import type { GreyImage, HuImage } from '../src/index.ts';
import { noData, realFile } from './real-files.ts';

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

afterAll(closeDecoders);

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

// Frozen: training and serving agree only as long as these bits stay. A change is a new contract version.
describe.skipIf(noData)(`tensors of real files ${noData || ''}`, () => {
  test.each([
    [
      'dicom/transfer-syntaxes/CT1_j2k-lossless_4.90.dcm',
      defaultContract('hu', 224),
      'fd2583cb6cdaa427965dadcc1082ab8e81231b05ded8a16939e8dd8f571403c8',
    ],
    [
      'dicom/series-LungFCP-01-0001/1-030.dcm',
      defaultContract('grey', 224, LUNG),
      '297ce25c88f70a903ca49bbf56afe9c3e22e64486f2382f493cf68a321c90fcd',
    ],
    [
      'iq-oth-nccd/normal/Normal case (10).jpg',
      defaultContract('grey', 224),
      'cdf9b74e84b2768d99f71e7536ed194b6bc59fea124f9767ac6d35754fb2cd52',
    ],
    [
      'lidc-nodules/benign/53453eb2e4b05911cd6db137/8/1.png',
      defaultContract('grey', 96),
      '18fe7f33c39147b1ce270d9c7fb23e35d49953a39b24ca119d1007cb8ae9e872',
    ],
  ])('of %s keep their digest', async (path, contract, digest) => {
    const { tensor } = toTensor(await decodeImage(realFile(path)), contract);
    expect(createHash('sha256').update(new Uint8Array(tensor.buffer)).digest('hex')).toBe(digest);
  });
});
