import dicomParser from 'dicom-parser';
import type { DataSet } from 'dicom-parser';
import { describe, expect, test } from 'vitest';
import { items, short, text as textOf } from '../src/dicom/data-set.ts';
import { UNDEFINED_LENGTH, keyOf, readElements } from '../src/dicom/elements.ts';
import { LIMITS } from '../src/dicom/limits.ts';
import { readPart10 } from '../src/dicom/meta.ts';
import { TAGS } from '../src/dicom/tags.ts';
import { aSlice, edit, longs, openSq, sq, us } from './edit-dicom.ts';
import { expectedPixels, noData, realFile } from './real-files.ts';

const EXPLICIT = { explicit: true, littleEndian: true };
const WANTED = new Set<number>(Object.values(TAGS));
const SEQUENCE = 0x0008_1140;

const bodyOf = (file: Uint8Array) => readPart10(file).body;
const codeOf = (read: () => unknown): unknown => {
  try {
    read();
    return 'read';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

/** Tag, place and number of items of each element of a data set; (0002,0010) dicom-parser adds by itself. */
const placesOf = ({ elements }: DataSet) =>
  new Map(
    Object.values(elements)
      .filter(({ tag }) => tag !== 'x00020010')
      .map(({ tag, dataOffset, items: inner }) => [tag, [dataOffset, inner?.length ?? 0]]),
  );

describe.skipIf(noData)(`real files ${noData || ''}`, () => {
  const rows = expectedPixels().filter(({ transferSyntax }) => transferSyntax !== '');

  test.each(rows)('$path has the elements that dicom-parser finds, where it finds them', ({ path }) => {
    const { transferSyntax, body } = readPart10(realFile(path));
    const syntax = transferSyntax.endsWith('.1.99') ? '1.2.840.10008.1.2.1' : transferSyntax;
    const theirs = dicomParser.parseDicom(body, { untilTag: 'x7fe00010', TransferSyntaxUID: syntax });
    const all = new Set(Object.keys(theirs.elements).map((key) => Number.parseInt(key.slice(1), 16)));
    const ours = readElements(
      body,
      {
        explicit: transferSyntax !== '1.2.840.10008.1.2',
        littleEndian: transferSyntax !== '1.2.840.10008.1.2.2',
      },
      all,
    );
    expect(placesOf(ours)).toEqual(placesOf(theirs));
    expect(placesOf(ours).size).toBeGreaterThan(20);
  });
});

describe('the walk', () => {
  const inner = { 0x0028_0010: us(77) };

  test.each([
    ['known lengths', sq(inner, {})],
    ['delimiters', openSq(inner, {})],
  ])('reads the items of a sequence that is wanted, with %s', (_, sequence) => {
    const data = readElements(bodyOf(edit(aSlice(), { [TAGS.sharedGroups]: sequence })), EXPLICIT, WANTED);
    const [first, ...more] = items(data, TAGS.sharedGroups);
    expect(first && short(first, 0x0028_0010)).toBe(77);
    expect(more.length).toBe(1);
    expect(short(data, 0x0028_0010)).toBe(4);
  });

  test.each([
    ['known lengths', sq(inner)],
    ['delimiters', openSq(inner, { [SEQUENCE]: openSq(inner) })],
  ])('keeps nothing of a sequence that nobody wants, with %s', (_, sequence) => {
    const data = readElements(bodyOf(edit(aSlice(), { [SEQUENCE]: sequence })), EXPLICIT, WANTED);
    expect(data.elements[keyOf(SEQUENCE)]).toBeUndefined();
    expect(short(data, 0x0028_0010)).toBe(4);
  });

  test('keeps no attribute that could name a patient', () => {
    const data = readElements(bodyOf(aSlice()), EXPLICIT, WANTED);
    expect(Object.keys(data.elements).filter((key) => key.startsWith('x0010'))).toEqual([]);
  });

  test('reads implicit VR within an element of unknown VR and undefined length', () => {
    // (0028,0010) without a VR, in an item with delimiters.
    const value = Buffer.from('feff00e0ffffffff28001000020000004d00feff0de000000000feffdde000000000', 'hex');
    const file = edit(aSlice(), { [TAGS.sharedGroups]: { vr: 'UN', value, open: true } });
    const [first] = items(readElements(bodyOf(file), EXPLICIT, WANTED), TAGS.sharedGroups);
    expect(first && short(first, 0x0028_0010)).toBe(77);
  });

  test('steps over the fragments of an icon', () => {
    const icon = openSq({
      0x7fe0_0010: {
        vr: 'OB',
        open: true,
        value: Buffer.from('feff00e000000000feff00e004000000feff0de0feffdde000000000', 'hex'),
      },
    });
    const data = readElements(bodyOf(edit(aSlice(), { 0x0088_0200: icon })), EXPLICIT, WANTED);
    expect(data.elements[keyOf(TAGS.pixelData)]?.length).toBe(32);
  });

  test('knows the long values that dicom-parser takes for short ones', () => {
    const file = edit(aSlice(), {
      [TAGS.extendedOffsets]: longs([0, 1]),
      [TAGS.extendedLengths]: longs([1, 1]),
    });
    const data = readElements(bodyOf(file), EXPLICIT, WANTED);
    expect(data.elements[keyOf(TAGS.extendedOffsets)]?.length).toBe(16);
    expect(data.elements[keyOf(TAGS.pixelData)]?.length).toBe(32);
  });

  test('takes no byte after the value of an element', () => {
    const data = readElements(bodyOf(edit(aSlice(), { [TAGS.lutDescriptor]: us(1, 2) })), EXPLICIT, WANTED);
    expect(short(data, TAGS.lutDescriptor, false, 1)).toBe(2);
    expect(short(data, TAGS.lutDescriptor, false, 2)).toBeUndefined();
    expect(textOf(data, TAGS.kernel)).toBeUndefined();
  });

  const nested = (depth: number): ReturnType<typeof openSq> =>
    depth === 0 ? openSq({}) : openSq({ [SEQUENCE]: nested(depth - 1) });

  test.each([
    ['sequences as deep as the limit', { [SEQUENCE]: nested(LIMITS.sequenceDepth - 1) }, 'read'],
    ['sequences one deeper', { [SEQUENCE]: nested(LIMITS.sequenceDepth) }, 'LIMIT_EXCEEDED'],
    [
      'an item longer than its sequence',
      { [TAGS.sharedGroups]: { vr: 'SQ', value: Buffer.from('feff00e0ff000000', 'hex') } },
      'CORRUPT',
    ],
    [
      'a sequence without items',
      { [TAGS.sharedGroups]: { vr: 'SQ', value: Buffer.from('280010000200000000', 'hex') } },
      'CORRUPT',
    ],
    ['no VR', { [TAGS.kernel]: { vr: '\0\0', value: new Uint8Array(2) } }, 'CORRUPT'],
    [
      'bytes of undefined length',
      { [TAGS.kernel]: { vr: 'OB', value: new Uint8Array(), open: true } },
      'CORRUPT',
    ],
  ])('meets %s', (_, change, outcome) => {
    const body = bodyOf(edit(aSlice(), change));
    expect(codeOf(() => readElements(body, EXPLICIT, WANTED))).toBe(outcome);
  });

  test('counts elements before it keeps them', () => {
    const body = Buffer.alloc(8 * (LIMITS.elements + 1));
    for (let at = 0; at < body.length; at += 8) body.write('\x08\0\x01\0LO', at, 'latin1');
    expect(codeOf(() => readElements(body, EXPLICIT, WANTED))).toBe('LIMIT_EXCEEDED');
    expect(codeOf(() => readElements(body.subarray(8), EXPLICIT, WANTED))).toBe('read');
  });

  test('counts the items of a sequence that is wanted', () => {
    const many = Array.from({ length: LIMITS.frames + 1 }, () => ({}));
    const read = (count: number) => () =>
      readElements(
        bodyOf(edit(aSlice(), { [TAGS.perFrameGroups]: sq(...many.slice(0, count)) })),
        EXPLICIT,
        WANTED,
      );
    expect(codeOf(read(LIMITS.frames + 1))).toBe('LIMIT_EXCEEDED');
    expect(codeOf(read(LIMITS.frames))).toBe('read');
  });

  test('ends where the file does, at any byte', () => {
    const whole = bodyOf(edit(aSlice(), { [TAGS.sharedGroups]: openSq(inner), [SEQUENCE]: sq(inner) }));
    const end = whole.length - 32;
    for (let length = 0; length < end - 12; length += 1) {
      const outcome = codeOf(() => {
        const { elements } = readElements(whole.subarray(0, length), EXPLICIT, WANTED);
        expect(elements[keyOf(TAGS.pixelData)]).toBeUndefined();
      });
      expect(['read', 'TRUNCATED', 'CORRUPT']).toContain(outcome);
    }
    expect(UNDEFINED_LENGTH).toBe(2 ** 32 - 1);
  });
});
