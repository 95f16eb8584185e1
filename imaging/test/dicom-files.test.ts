import { createHash } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { readHeader } from '../src/dicom/header.ts';
import { decodeStored } from '../src/dicom/stored.ts';
import { closeDecoders, decodeImage } from '../src/index.ts';
import { expectedPixels, folderOf, noData, realFile } from './real-files.ts';

const DECODED = new Set([
  '1.2',
  '1.2.1',
  '1.2.1.99',
  '1.2.2',
  '1.2.5',
  '1.2.4.80',
  '1.2.4.81',
  '1.2.4.90',
  '1.2.4.91',
]);
const short = (uid: string) => uid.replace('1.2.840.10008.', '');

afterAll(closeDecoders);

describe.skipIf(noData)(`real DICOM files ${noData || ''}`, () => {
  const rows = expectedPixels().filter(
    ({ path }) => folderOf(path) !== 'traps' || path.includes('J2K_pixelrep'),
  );
  const decoded = rows.filter(({ transferSyntax }) => DECODED.has(short(transferSyntax)));
  const refused = rows.filter(({ transferSyntax }) => !DECODED.has(short(transferSyntax)));

  test('the table covers every transfer syntax that is decoded', () => {
    expect(new Set(decoded.map(({ transferSyntax }) => short(transferSyntax)))).toEqual(DECODED);
  });

  test.each(decoded)('decodes $path to the stored values of pydicom, bit for bit', async (expected) => {
    const stored = await decodeStored(readHeader(realFile(expected.path)));
    expect(createHash('sha256').update(new Uint8Array(stored.buffer)).digest('hex')).toBe(expected.sha256);
  });

  test.each(decoded.filter(({ modality }) => modality === 'CT'))('reads $path in HU', async (expected) => {
    const image = await decodeImage(realFile(expected.path));
    const hu = (stored: number) =>
      Math.min(3071, Math.max(-1024, stored * expected.slope + expected.intercept));
    expect(image).toMatchObject({
      kind: 'hu',
      rows: expected.rows,
      columns: expected.columns,
      source: 'dicom',
    });
    expect(extremes(image.pixels)).toEqual({ min: hu(expected.min), max: hu(expected.max) });
  });

  test('reads the same slice through every lossless syntax as the same HU', async () => {
    const plain = await decodeImage(realFile('dicom/transfer-syntaxes/CT1_explicit-le_1.2.1.dcm'));
    for (const name of ['CT1_rle_5', 'CT1_jpegls-lossless_4.80', 'CT1_j2k-lossless_4.90']) {
      const packed = await decodeImage(realFile(`dicom/transfer-syntaxes/${name}.dcm`));
      expect(packed.pixels).toEqual(plain.pixels);
    }
  });

  test.each(refused)('refuses $path by the name of its transfer syntax', async ({ path, transferSyntax }) => {
    const refusal = decodeImage(realFile(path));
    await expect(refusal).rejects.toMatchObject({ code: 'TRANSFER_SYNTAX_UNSUPPORTED' });
    await expect(refusal).rejects.toThrow(/JPEG (Baseline|Extended|Full Progression|Lossless)/);
    await expect(refusal).rejects.toThrow(transferSyntax);
  });

  test.each([
    ['traps/JPEG2000-embedded-sequence-delimiter.dcm', 'NOT_CT'],
    ['traps/MR_truncated.dcm', 'NOT_CT'],
    ['traps/SC_rgb_rle_2frame.dcm', 'LIMIT_EXCEEDED'],
    ['traps/badVR.dcm', 'CORRUPT'],
    ['traps/bad_sequence.dcm', 'TRANSFER_SYNTAX_UNSUPPORTED'],
    ['traps/image_dfl.dcm', 'NOT_CT'],
    ['traps/no_meta.dcm', 'NOT_AN_IMAGE'],
    ['traps/rtstruct.dcm', 'NOT_AN_IMAGE'],
    ['transfer-syntaxes/MR_small_j2k-lossless_4.90.dcm', 'NOT_CT'],
  ])('answers %s with %s', async (path, code) => {
    await expect(decodeImage(realFile(`dicom/${path}`))).rejects.toMatchObject({
      name: 'ImagingError',
      code,
    });
  });

  test('a JPEG 2000 frame whose bytes look like a delimiter ends where its item does, and is found cut', async () => {
    // pydicom's own file: NM, so decodeImage refuses it earlier.
    const header = readHeader(realFile('dicom/traps/JPEG2000-embedded-sequence-delimiter.dcm'));
    await expect(decodeStored(header)).rejects.toMatchObject({ name: 'ImagingError' });
  });
});

function extremes(pixels: Iterable<number>) {
  let min = Infinity;
  let max = -Infinity;
  for (const value of pixels) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { min, max };
}
