// What scanners and archives write against the letter of the standard, where only one reading is possible; beside each,
// the neighbour where a second one is, and which stays refused.
import { afterAll, describe, expect, test } from 'vitest';
import { checkEnd } from '../src/dicom/codestream.ts';
import { cutFrames } from '../src/dicom/frames.ts';
import { readHeader } from '../src/dicom/header.ts';
import { readPart10 } from '../src/dicom/meta.ts';
import { closeDecoders, decodeImage, ImagingError } from '../src/index.ts';
import { aSlice, edit, encapsulated, implicit, text, us, words } from './edit-dicom.ts';
import type { Elements } from './edit-dicom.ts';

const SYNTAX = 0x0002_0010;
const FRAMES = 0x0028_0008;
const PHOTOMETRIC = 0x0028_0004;
const SIGN = 0x0028_0103;
const RESCALE_TYPE = 0x0028_1054;
const PIXELS = 0x7fe0_0010;

afterAll(closeDecoders);

const plain = aSlice();
const zeros = (count: number) => Array.from({ length: count }, () => 0);
const huOf = async (file: Uint8Array) => [...(await decodeImage(file)).pixels];
const codeOf = async (file: Uint8Array): Promise<unknown> =>
  decodeImage(file).then(
    () => 'decoded',
    (error: unknown) => (error as { code?: unknown }).code,
  );

const ended = (...after: readonly number[]) => Uint8Array.of(0xff, 0xd8, 0x12, 0xff, 0xd9, ...after);
const metaOf = (file: Uint8Array) => file.subarray(0, file.length - readPart10(file).body.length);
const bodyOf = (file: Uint8Array) => readPart10(file).body;
const places = (frames: string, fragments: readonly Uint8Array[], table: readonly number[] = []) => {
  const file = edit(plain, {
    [SYNTAX]: text('UI', '1.2.840.10008.1.2.4.80'),
    [FRAMES]: text('IS', frames),
    [PIXELS]: encapsulated(fragments, table),
  });
  return () => cutFrames(readHeader(file));
};

describe('a data set that is written otherwise than its transfer syntax says', () => {
  const implicitFile = implicit({});

  test('is read without VRs where it has none', async () => {
    expect(readPart10(implicitFile).transferSyntax).toBe('1.2.840.10008.1.2');
    expect(await huOf(Buffer.concat([metaOf(plain), bodyOf(implicitFile)]))).toEqual(await huOf(plain));
  });

  test('is read with VRs where it has some', async () => {
    expect(await huOf(Buffer.concat([metaOf(implicitFile), bodyOf(plain)]))).toEqual(await huOf(plain));
  });

  test('is refused where it changes on the way', async () => {
    const [explicit, without] = [bodyOf(plain), bodyOf(implicitFile)];
    const half = Buffer.from(explicit).indexOf(Buffer.from('28000200', 'hex'));
    const other = Buffer.from(without).indexOf(Buffer.from('28000200', 'hex'));
    const mixed = [metaOf(plain), explicit.subarray(0, half), without.subarray(other)];
    expect(await codeOf(Buffer.concat(mixed))).toBe('CORRUPT');
  });
});

describe('native pixels', () => {
  const rows = 16;
  const columns = 16;
  const hu = Array.from({ length: rows * columns }, (_, at) => at);
  const slice = aSlice({ rows, columns, hu });
  const stored = hu.map((value) => value + 1024);
  const longer = (more: readonly number[]): Elements => ({ [PIXELS]: words([...stored, ...more]) });

  test('may be filled up with a few zero bytes', async () => {
    expect(await huOf(edit(slice, longer(zeros(1))))).toEqual(hu);
    expect(await huOf(edit(slice, longer(zeros(8))))).toEqual(hu);
  });

  test.each<[string, readonly number[]]>([
    ['what is not zero', [0, 7]],
    ['more than is padding', zeros(9)],
    ['a row', zeros(columns)],
  ])('are refused with %s behind them', async (_, more) => {
    expect(await codeOf(edit(slice, longer(more)))).toBe('PIXEL_LENGTH_MISMATCH');
  });

  test('of a small image may not be filled up by a whole row', async () => {
    const stored4 = Array.from({ length: 16 }, (_, at) => at);
    expect(await codeOf(edit(plain, { [PIXELS]: words([...stored4, ...zeros(1)]) }))).toBe('decoded');
    expect(await codeOf(edit(plain, { [PIXELS]: words([...stored4, ...zeros(4)]) }))).toBe(
      'PIXEL_LENGTH_MISMATCH',
    );
  });
});

describe('words in another spelling', () => {
  test.each<[string, Elements]>([
    ['a number of frames with a plus', { [FRAMES]: text('IS', '+1') }],
    ['a photometric interpretation in lower case', { [PHOTOMETRIC]: text('CS', 'monochrome2') }],
    ['a rescale type in lower case', { [RESCALE_TYPE]: text('LO', 'hu') }],
  ])('are read: %s', async (_, change) => {
    expect(await huOf(edit(plain, change))).toEqual(await huOf(plain));
  });

  test.each<[string, Elements, string]>([
    ['a number of frames that is none', { [FRAMES]: text('IS', '+0') }, 'CORRUPT'],
    ['a rescale type that only starts so', { [RESCALE_TYPE]: text('LO', 'HU_MOD') }, 'HU_UNKNOWN'],
    ['no Pixel Representation: the sign would be a guess', { [SIGN]: undefined }, 'CORRUPT'],
    ['a Pixel Representation of 2', { [SIGN]: us(2) }, 'CORRUPT'],
  ])('are refused: %s', async (_, change, code) => {
    expect(await codeOf(edit(plain, change))).toBe(code);
  });
});

describe('more codestreams than frames', () => {
  const stream = Uint8Array.from([0xff, 0xd8, 0xff, 0xf7, 0, 0, 0xff, 0xd9]);

  test('are refused, since a decoder takes the first and says nothing of the rest', () => {
    const refused = new ImagingError('CORRUPT', 'The Pixel Data hold more frames than the header declares.');
    expect(places('1', [stream, stream])).toThrow(refused);
    expect(places('1', [stream, stream], [0])).toThrow(refused);
    expect(places('2', [stream, stream, stream], [0, 16])).toThrow(refused);
  });

  test('are not seen where a fragment goes on', () => {
    const frame = places('1', [stream.subarray(0, 4), stream.subarray(4)])().bytes(1);
    expect([...frame]).toEqual([...stream]);
  });
});

describe('what follows the end marker of a compressed frame', () => {
  test.each([
    ['nothing', ended()],
    ['a zero', ended(0)],
    ['a fill byte', ended(0xff)],
    ['a blank', ended(0x20)],
    ['a line end', ended(0x0d, 0x0a)],
  ])('may be %s', (_, bytes) => {
    expect(() => checkEnd(bytes)).not.toThrow();
  });

  test.each([
    ['another byte', ended(0x41)],
    ['no end marker', ended(0xff, 0xd8, 0x20)],
  ])('is refused as cut where it is %s', (_, bytes) => {
    expect(() => checkEnd(bytes)).toThrow(expect.objectContaining({ code: 'TRUNCATED' }));
  });
});
