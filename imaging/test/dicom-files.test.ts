import { afterAll, describe, expect, test } from 'vitest';
import { closeDecoders, decodeImage, inspectDicom, openDicom, readFacts } from '../src/index.ts';
import { expectedPixels, folderOf, noData, realFile } from './real-files.ts';

// Every pixel of every file against pydicom's: conformance.test.ts.
const NOT_CLASSIFIED = /4\.91|4\.50|4\.51|4\.55/;

afterAll(closeDecoders);

describe.skipIf(noData)(`real DICOM files ${noData || ''}`, () => {
  const slices = expectedPixels().filter(
    ({ path, modality }) =>
      modality === 'CT' &&
      (folderOf(path) !== 'traps' || path.includes('J2K_pixelrep')) &&
      !NOT_CLASSIFIED.test(path),
  );

  test.each(slices)('reads $path in HU', async (expected) => {
    const image = await decodeImage(realFile(expected.path));
    const hu = (stored: number) =>
      Math.min(3071, Math.max(-1024, stored * expected.slope + expected.intercept));
    expect(image).toMatchObject({
      kind: 'hu',
      rows: expected.rows,
      columns: expected.columns,
      source: 'dicom',
      transferSyntax: expected.transferSyntax,
    });
    expect(extremes(image.pixels)).toEqual({ min: hu(expected.min), max: hu(expected.max) });
  });

  test('reads the same slice through every lossless syntax as the same HU', async () => {
    const plain = await decodeImage(realFile('dicom/transfer-syntaxes/CT1_explicit-le_1.2.1.dcm'));
    for (const name of [
      'CT1_rle_5',
      'CT1_jpeg-lossless-sv1_4.70',
      'CT1_jpegls-lossless_4.80',
      'CT1_j2k-lossless_4.90',
    ]) {
      const packed = await decodeImage(realFile(`dicom/transfer-syntaxes/${name}.dcm`));
      expect(packed.pixels).toEqual(plain.pixels);
    }
  });

  test('says of a slice where it lies and how it was made, and nothing of the patient', async () => {
    const [facts, ...more] = await readFacts(realFile('dicom/series-LungFCP-01-0001/1-024.dcm'));
    expect(more).toEqual([]);
    expect(facts).toMatchObject({
      modality: 'CT',
      frame: 1,
      frames: 1,
      instanceNumber: 24,
      position: [-189.1201171875, -364.1201171875, 68.5],
      orientation: [
        [1, 0, 0],
        [0, 1, 0],
      ],
      pixelSpacing: [0.759765625, 0.759765625],
      sliceThicknessMm: 2,
      gantryTiltDegrees: 0,
      kernel: 'B31f',
      bodyPart: 'TH CT CHEST WO C',
      localizer: false,
      lossyRatio: undefined,
    });
    expect(JSON.stringify(facts)).not.toMatch(/LungFCP/i);
  });

  test.each([
    ['CT1_j2k_4.91', 69.6],
    ['CT1_jpegls-near_4.81', 6.2],
    ['CTImage_jpeg-baseline8_4.50', 8.9],
  ])('measures how much %s lost: %f to one', async (name, ratio) => {
    const [facts] = await readFacts(realFile(`dicom/transfer-syntaxes/${name}.dcm`));
    expect(facts?.lossyRatio).toBeCloseTo(ratio, 1);
  });

  test('leaves padding out of the range of HU, where it is declared wrongly or not at all too', async () => {
    expect(await rangeOf('dicom/transfer-syntaxes/CTImage_implicit-le_1.2.dcm')).toEqual({
      min: -1024,
      max: 1378,
    });
    expect(await rangeOf('dicom/traps/J2K_pixelrep_mismatch.dcm')).toEqual({ min: -1024, max: 1896 });
    expect(await rangeOf('dicom/transfer-syntaxes/MR_small_j2k-lossless_4.90.dcm')).toBeUndefined();
  });

  test.each([
    ['transfer-syntaxes/CTImage_jpeg-extended12_4.51.dcm', /JPEG Extended .*1\.2\.840\.10008\.1\.2\.4\.51/],
    ['transfer-syntaxes/CTImage_jpeg-progressive-retired_4.55.dcm', /Full Progression .*\.4\.55/],
  ])('refuses %s by the name of its transfer syntax', async (path, words) => {
    const refusal = decodeImage(realFile(`dicom/${path}`));
    await expect(refusal).rejects.toMatchObject({ code: 'TRANSFER_SYNTAX_UNSUPPORTED' });
    await expect(refusal).rejects.toThrow(words);
  });

  test.each([
    ['traps/JPEG2000-embedded-sequence-delimiter.dcm', 'NOT_CT'],
    ['traps/MR_truncated.dcm', 'NOT_CT'],
    ['traps/SC_rgb_rle_2frame.dcm', 'NOT_CT'],
    ['traps/badVR.dcm', 'CORRUPT'],
    ['traps/image_dfl.dcm', 'NOT_CT'],
    ['traps/no_meta.dcm', 'NOT_AN_IMAGE'],
    ['traps/rtstruct.dcm', 'NOT_AN_IMAGE'],
    ['transfer-syntaxes/MR_small_j2k-lossless_4.90.dcm', 'NOT_CT'],
    ['transfer-syntaxes/CT1_j2k_4.91.dcm', 'LOSSY_TOO_STRONG'],
    ['transfer-syntaxes/CTImage_jpeg-baseline8_4.50.dcm', 'LOSSY_TOO_STRONG'],
  ])('answers %s with %s', async (path, code) => {
    await expect(decodeImage(realFile(`dicom/${path}`))).rejects.toMatchObject({
      name: 'ImagingError',
      code,
    });
  });

  test('opens a file that is no CT, reports it, and refuses its frames', async () => {
    const file = await openDicom(realFile('dicom/traps/SC_rgb_rle_2frame.dcm'));
    expect(file.facts.map(({ frame, modality }) => [frame, modality])).toEqual([
      [1, 'OT'],
      [2, 'OT'],
    ]);
    await expect(file.frame(2)).rejects.toMatchObject({ code: 'NOT_CT' });
    file.close();
  });
});

async function rangeOf(path: string) {
  return (await inspectDicom(realFile(path))).huRange;
}

function extremes(pixels: Iterable<number>) {
  let min = Infinity;
  let max = -Infinity;
  for (const value of pixels) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { min, max };
}
