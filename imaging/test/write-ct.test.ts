import { createHash } from 'node:crypto';
import dicomParser from 'dicom-parser';
import { afterAll, expect, test } from 'vitest';
import { closeDecoders, decodeImage, writeCtSlice } from '../src/index.ts';
import { aSlice } from './edit-dicom.ts';

afterAll(closeDecoders);

const header = (file: Uint8Array) => {
  const data = dicomParser.parseDicom(file);
  return (tag: string) => data.string(tag);
};

test('a written slice is read back to the same Hounsfield units', async () => {
  const hu = Array.from({ length: 24 * 16 }, (_, at) => ((at * 131) % 4096) - 1024);
  const image = await decodeImage(aSlice({ rows: 24, columns: 16, hu }));
  expect(image).toMatchObject({ kind: 'hu', rows: 24, columns: 16, transferSyntax: '1.2.840.10008.1.2.1' });
  expect([...image.pixels]).toEqual(hu);
});

test('what lies outside the 12 bits is clipped, and fractions are rounded', async () => {
  const hu = [-5000, 9000, 0.4, 0.6, ...Array.from({ length: 12 }, () => 0)];
  expect([...(await decodeImage(aSlice({ hu }))).pixels].slice(0, 4)).toEqual([-1024, 3071, 0, 1]);
});

test('geometry is written in the decimal strings of DICOM', () => {
  const read = header(
    aSlice({ position: [-12.5, 1 / 3, -0.000001], pixelSpacing: [0.7, 0.8], sliceThickness: 1.25 }),
  );
  expect(read('x00200032')).toBe('-12.5\\0.333333333\\-0.000001');
  expect(read('x00200037')).toBe('1\\0\\0\\0\\1\\0');
  expect(read('x00280030')).toBe('0.7\\0.8');
  expect(read('x00180050')).toBe('1.25');
});

test('slices of one series share all UIDs but their own', () => {
  const one = header(aSlice({ instance: 1 }));
  const two = header(aSlice({ instance: 2 }));
  const other = header(aSlice({ patientId: 'P2' }));
  for (const tag of ['x0020000d', 'x0020000e', 'x00200052']) {
    expect(one(tag)).toMatch(/^2\.25\.[1-9]\d{30,38}$/);
    expect(two(tag)).toBe(one(tag));
    expect(other(tag)).not.toBe(one(tag));
  }
  expect(one('x00080018')).not.toBe(two('x00080018'));
  expect(one('x00020003')).toBe(one('x00080018'));
});

test('the same slice gives the same bytes on every machine', () => {
  expect(createHash('sha256').update(aSlice()).digest('hex')).toBe(
    '4386255d4c0718d489148b266f57595d60b19e2f28759057647ff7b9480b2a35',
  );
});

test('it says that it is synthetic', () => {
  const read = header(aSlice());
  expect(read('x00080008')).toMatch(/^DERIVED/);
  expect(read('x0008103e')).toContain('research use only');
});

test('a wrong number of pixels is a mistake of the caller', () => {
  expect(() => writeCtSlice({ ...minimal, hu: [1, 2, 3] })).toThrow(RangeError);
});

const minimal = {
  rows: 2,
  columns: 2,
  patientId: 'P1',
  instance: 1,
  position: [0, 0, 0],
  pixelSpacing: [1, 1],
  sliceThickness: 1,
} as const;
