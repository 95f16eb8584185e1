import { beforeAll, describe, expect, test } from 'vitest';
import { cutFrames } from '../src/dicom/frames.ts';
import { readHeader } from '../src/dicom/header.ts';
import { decodeFrame } from '../src/dicom/stored.ts';
import type { FrameLayout } from '../src/dicom/stored.ts';
import { decodeImage } from '../src/index.ts';
import { aSlice, edit, us } from './edit-dicom.ts';
import { noData, realFile } from './real-files.ts';
import { encodeHtj2k, encodeJpeg2000 } from './wasm-encoders.ts';
import type { Picture } from './wasm-encoders.ts';

const aPicture: Picture = {
  rows: 48,
  columns: 40,
  components: 1,
  bits: 12,
  signed: false,
  samples: Array.from({ length: 1920 }, (_, at) => (at * 13 + (at % 7) * 301) % 4096),
};

const layoutOf = ({ rows, columns, components, bits, signed }: Picture): FrameLayout => ({
  packing: 'htj2k',
  rows,
  columns,
  samplesPerPixel: components,
  planar: 0,
  bitsAllocated: bits <= 8 ? 8 : 16,
  bitsStored: bits,
  highBit: bits - 1,
  signed,
  photometric: components === 1 ? 'MONOCHROME2' : 'YBR_RCT',
});

const u32 = (...values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const storedOf = async (path: string) => cutFrames(readHeader(realFile(path))).decode(1);

/** Every attribute of a slice, its Pixel Data encapsulated in one fragment. */
function wrapped(codestream: Uint8Array, syntax: string): Uint8Array {
  const item = (length: number) => Buffer.concat([Buffer.from('feff00e0', 'hex'), u32(length)]);
  const padded = Buffer.concat([codestream, new Uint8Array(codestream.length % 2)]);
  const uid = Buffer.from(syntax.length % 2 === 0 ? syntax : `${syntax}\0`);
  const plain = edit(aSlice({ rows: 48, columns: 40, hu: aPicture.samples }), {
    0x0002_0010: { vr: 'UI', value: uid },
    0x0028_0101: us(16),
    0x0028_0102: us(15),
    0x0028_0103: us(1),
    0x7fe0_0010: undefined,
  });
  const head = Buffer.concat([Buffer.from('e07f1000', 'hex'), Buffer.from('OB\0\0'), u32(0xff_ff_ff_ff)]);
  const end = Buffer.concat([Buffer.from('feffdde0', 'hex'), u32(0)]);
  return new Uint8Array(Buffer.concat([plain, head, item(0), item(padded.length), padded, end]));
}

describe('HTJ2K', () => {
  test.each([
    ['grey of 12 bits', aPicture],
    [
      'grey of 16 bits with a sign',
      { ...aPicture, bits: 16, signed: true, samples: aPicture.samples.map((v) => v * 16 - 32_768) },
    ],
    ['grey of 8 bits', { ...aPicture, bits: 8, samples: aPicture.samples.map((v) => v >> 4) }],
    [
      'colour of 8 bits',
      { ...aPicture, bits: 8, components: 3, rows: 16, samples: aPicture.samples.map((v) => v >> 4) },
    ],
  ] as const)('%s comes back bit for bit, in any order of progression', async (_, picture) => {
    for (const progression of [0, 1, 2, 3, 4]) {
      const codestream = await encodeHtj2k(picture, progression);
      expect([...(await decodeFrame(codestream, layoutOf(picture)))]).toEqual(picture.samples);
    }
  });

  test.each(['201', '202', '203'])('a DICOM file of transfer syntax .%s is read in HU', async (last) => {
    const signed = { ...aPicture, bits: 16, signed: true, samples: aPicture.samples.map((hu) => hu - 1024) };
    const file = wrapped(await encodeHtj2k(signed), `1.2.840.10008.1.2.4.${last}`);
    const image = await decodeImage(file);
    const header = readHeader(file);
    const stored = await cutFrames(header).decode(1);
    expect([...stored]).toEqual(signed.samples);
    expect(image).toMatchObject({ kind: 'hu', rows: 48, columns: 40, transferSyntax: header.transferSyntax });
  });

  test('cut anywhere, and even closed again with an end marker, it is refused', async () => {
    const codestream = await encodeHtj2k(aPicture);
    const layout = layoutOf(aPicture);
    for (let length = 4; length < codestream.length - 2; length += 1 + Math.floor(length / 50)) {
      const cut = codestream.subarray(0, length);
      await expect(decodeFrame(cut, layout)).rejects.toMatchObject({ code: 'TRUNCATED' });
      const closed = Uint8Array.of(...cut, 0xff, 0xd9);
      await expect(decodeFrame(closed, layout)).rejects.toMatchObject({ name: 'ImagingError' });
    }
  });

  test('a JPEG 2000 codestream of the older kind is refused, and the next file is read', async () => {
    const older = await encodeJpeg2000(aPicture);
    await expect(decodeFrame(older, layoutOf(aPicture))).rejects.toMatchObject({ code: 'CORRUPT' });
    const codestream = await encodeHtj2k(aPicture);
    expect([...(await decodeFrame(codestream, layoutOf(aPicture)))]).toEqual(aPicture.samples);
  });

  describe.skipIf(noData)(`of a real slice ${noData || ''}`, () => {
    let hu: Int32Array;
    let grey: Int32Array;
    beforeAll(async () => {
      hu = await storedOf('dicom/transfer-syntaxes/CT1_explicit-le_1.2.1.dcm');
      grey = await storedOf('dicom/series-LungFCP-01-0001/1-024.dcm');
    });

    test('16 bits with a sign come back bit for bit', async () => {
      const slice = {
        rows: 512,
        columns: 512,
        components: 1,
        bits: 16,
        signed: true,
        samples: [...hu],
      } as const;
      expect(await decodeFrame(await encodeHtj2k(slice), layoutOf(slice))).toEqual(hu);
    });

    test.each([12, 16])('12 bits without one, coded as %i, come back bit for bit', async (bits) => {
      const slice = {
        rows: 512,
        columns: 512,
        components: 1,
        bits,
        signed: false,
        samples: [...grey],
      } as const;
      const layout = { ...layoutOf(slice), bitsStored: 12, highBit: 11 };
      expect(await decodeFrame(await encodeHtj2k(slice), layout)).toEqual(grey);
    });
  });
});
