import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import {
  IMAGING_CODES,
  ImagingError,
  closeDecoders,
  decodeImage,
  inspectDicom,
  openDicom,
} from '../src/index.ts';
import { aSlice } from './edit-dicom.ts';
import { enhancedCt } from './enhanced-ct.ts';
import { expectedPixels, noData, realFile } from './real-files.ts';

const SLOW = 'dicom/transfer-syntaxes/CT1_j2k-lossless_4.90.dcm';
const FILES = [
  'dicom/series-LungFCP-01-0001/1-024.dcm',
  'dicom/transfer-syntaxes/CTImage_implicit-le_1.2.dcm',
  'dicom/transfer-syntaxes/CTImage_explicit-be_2.dcm',
  'dicom/transfer-syntaxes/CTImage_deflated_1.99.dcm',
  'dicom/transfer-syntaxes/CT1_rle_5.dcm',
  'dicom/transfer-syntaxes/CT1_jpegls-near_4.81.dcm',
  'dicom/transfer-syntaxes/CT1_jpeg-lossless-sv1_4.70.dcm',
  'dicom/traps/J2K_pixelrep_mismatch.dcm',
  'iq-oth-nccd/normal/Normal case (10).jpg',
  'lidc-nodules/benign/53453eb2e4b05911cd6db137/8/1.png',
];

afterAll(closeDecoders);

/** The code of a refusal, or `pixels` and their digest. Anything else (a crash, a plain Error) fails the test. */
async function outcome(file: Uint8Array, timeoutMs?: number): Promise<string> {
  try {
    const { pixels } = await decodeImage(file, { timeoutMs });
    return `pixels ${createHash('sha256').update(new Uint8Array(pixels.buffer)).digest('hex')}`;
  } catch (error) {
    return codeOf(error);
  }
}

/** The digest of all stored values, or the code of the refusal. */
async function inspected(file: Uint8Array): Promise<string> {
  return inspectDicom(file).then(({ storedSha256 }) => storedSha256, codeOf);
}

function codeOf(error: unknown): string {
  if (!(error instanceof ImagingError) || !(error.code in IMAGING_CODES)) throw error;
  return error.code;
}

describe.skipIf(noData)(`real files made bad ${noData || ''}`, () => {
  test.each(FILES)('%s cut anywhere is refused, or whole if only its tail is gone', async (path) => {
    const file = realFile(path);
    const whole = await outcome(file);
    const near = fc.integer({ min: 0, max: 600 });
    const cuts = fc.oneof(
      fc.integer({ min: 0, max: file.length - 1 }),
      near,
      near.map((n) => Math.max(0, file.length - 1 - n)),
    );
    await fc.assert(
      fc.asyncProperty(cuts, async (length) => {
        const cut = await outcome(file.subarray(0, length));
        return cut in IMAGING_CODES || cut === whole;
      }),
      { numRuns: 60 },
    );
    expect(await outcome(file.subarray(0, Math.floor(file.length / 2)))).toBe('TRUNCATED');
  });

  // One of each syntax; the slices of the series are alike.
  const inspectable = expectedPixels().filter(({ path }) => !/series-.*\/1-0(?!24)/.test(path));

  test.each(inspectable)('$path cut anywhere never shows other pixels', async ({ path, sha256 }) => {
    const file = realFile(path);
    const whole = await inspected(file);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: file.length - 1 }), async (length) => {
        const cut = await inspected(file.subarray(0, length));
        return cut in IMAGING_CODES || cut === whole;
      }),
      { numRuns: 20 },
    );
    expect(sha256 === '' || path.includes('4.50') || whole in IMAGING_CODES || whole === sha256).toBe(true);
  });

  test.each(FILES)('%s with bytes changed anywhere is refused or read, and never harms', async (path) => {
    const file = realFile(path);
    const before = await outcome(file);
    expect(before).toMatch(/^pixels /);
    const change = fc.record({
      at: fc.integer({ min: 0, max: file.length - 1 }),
      byte: fc.integer({ min: 0, max: 255 }),
    });
    const early = fc.record({
      at: fc.integer({ min: 132, max: 3000 }),
      byte: fc.integer({ min: 0, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(change, early), { minLength: 1, maxLength: 8 }), async (changes) => {
        const bad = Uint8Array.from(file);
        for (const { at, byte } of changes) bad[at] = byte;
        await outcome(bad);
      }),
      { numRuns: 30 },
    );
    // The decoders still give what they gave before.
    expect(await outcome(file)).toBe(before);
  });

  test('a decode that takes too long is ended, and the next one runs', async () => {
    await expect(decodeImage(realFile(SLOW), { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'DECODE_TIMEOUT',
    });
    expect(await decodeImage(realFile(SLOW))).toMatchObject({ kind: 'hu' });
  });

  test('an abort ends a running decode and those in line with its reason', async () => {
    const stop = new AbortController();
    const decodes = Array.from({ length: 12 }, async () =>
      decodeImage(realFile(SLOW), { signal: stop.signal }),
    );
    const reason = new Error('the client went away');
    stop.abort(reason);
    const settled = await Promise.allSettled(decodes);
    expect(settled.map((result) => result.status === 'rejected' && (result.reason as unknown))).toEqual(
      decodes.map(() => reason),
    );
    expect(await decodeImage(realFile(SLOW))).toMatchObject({ kind: 'hu' });
  });

  test('many files at once are each decoded to their own pixels', async () => {
    const names = Array.from({ length: 20 }, (_, at) => `dicom/series-LungFCP-01-0001/1-0${24 + at}.dcm`);
    const together = await Promise.all(names.map(async (name) => decodeImage(realFile(name))));
    for (const at of [0, 7, 19])
      expect((await decodeImage(realFile(names[at] ?? ''))).pixels).toEqual(together[at]?.pixels);
    expect(new Set(together.map((image) => [...image.pixels].reduce((sum, hu) => sum + hu, 0))).size).toBe(
      20,
    );
  });
});

describe('made to harm', () => {
  const start = Buffer.from(aSlice()).subarray(0, 144 + Buffer.from(aSlice()).readUInt32LE(140));

  test('sequences nested without end are refused', async () => {
    // (0008,1140) SQ and its item, both of undefined length, 200,000 deep.
    const level = Buffer.from('08004011535100 00ffffffff feff00e0ffffffff'.replaceAll(' ', ''), 'hex');
    expect(await outcome(Buffer.concat([start, ...Array.from({ length: 200_000 }, () => level)]))).toBe(
      'LIMIT_EXCEEDED',
    );
  });

  test('an object of many frames that is cut or changed gives a code or a value for each frame', async () => {
    const file = enhancedCt(Array.from({ length: 5 }, (_, n) => ({ z: n, stored: 100 + n })));
    const byte = fc.record({
      at: fc.integer({ min: 144, max: file.length - 1 }),
      value: fc.integer({ min: 0, max: 255 }),
    });
    const cuts = fc.integer({ min: 0, max: file.length });
    await fc.assert(
      fc.asyncProperty(fc.array(byte, { maxLength: 4 }), cuts, async (changes, length) => {
        const bad = Uint8Array.from(file);
        for (const { at, value } of changes) bad[at] = value;
        const opened = await openDicom(bad.subarray(0, changes.length === 0 ? length : bad.length)).catch(
          codeOf,
        );
        if (typeof opened === 'string') return;
        for (const { frame } of opened.facts.slice(0, 6)) {
          const hu = await opened.frame(frame).then(({ pixels }) => pixels[0], codeOf);
          expect(changes.length > 0 || typeof hu === 'string' || hu === 99 + frame).toBe(true);
        }
        opened.close();
      }),
      { numRuns: 150 },
    );
  });

  test('a data set that fills the memory is refused, and the process lives', async () => {
    const elements = Buffer.alloc(1_200_000 * 8);
    for (let at = 0; at < elements.length; at += 8) {
      elements.writeUInt16LE(0x0009 + 2 * Math.floor(at / 8 / 65_536), at);
      elements.writeUInt16LE(Math.floor(at / 8) % 65_536, at + 2);
      elements.write('LO', at + 4, 'latin1');
    }
    expect(await outcome(Buffer.concat([start, elements]), 60_000)).toBe('LIMIT_EXCEEDED');
    expect(await decodeImage(aSlice())).toMatchObject({ kind: 'hu' });
  });
});
