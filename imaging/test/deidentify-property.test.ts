/** Whatever a data set looks like: what was marked as secret is in no byte of the output. */
import { inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { standardVr } from '../src/deidentify/dictionary.ts';
import { rows } from '../src/deidentify/profile.ts';
import { deidentify } from '../src/index.ts';
import { aFile, SYNTAXES } from './deidentify-build.ts';
import type { Part, Syntax } from './deidentify-build.ts';

const key = new Uint8Array(32).fill(9);
const RUNS = 400;

// Text of each kind, recognisable. Times of day stay with dates that are moved: they hold no mark.
const MARKED: Readonly<Record<string, string>> = {
  AS: '099Y',
  CS: 'SECRET_CODE',
  DA: '17770707',
  DT: '17770707101112',
  TM: '101112',
  UI: '1.2.777777.3',
};
const MARKS = /SECRET|17770707|777777/;
const BINARY = /^(AT|FD|FL|OB|OD|OF|OL|OV|OW|SL|SS|SV|UL|US|UV)$/;

const identifying = rows
  .filter(({ tag }) => /^[\da-f]{8}$/.test(tag) && Number.parseInt(tag, 16) > 0x0008_0000)
  .map(({ tag }) => Number.parseInt(tag, 16));
// What implicit VR can tell: there, a name in the place of a technical text looks like one.
const others: readonly (readonly [number, string])[] = [
  [0x0009_0010, 'LO'],
  [0x0009_1001, 'UN'],
  [0x0011_1002, 'PN'],
  [0x0028_1351, 'ST'],
  [0x0040_a160, 'UT'],
  [0x0008_9ffe, 'LO'],
  [0x0014_0104, 'PN'],
  [0x0018_0050, 'DS'],
  [0x0020_0013, 'IS'],
  [0x0020_9312, 'UI'],
  [0x5002_0022, 'LO'],
  [0x6000_4000, 'LT'],
  [0x0008_1190, 'UR'],
];
// Sequences that are kept, emptied, removed, replaced, private, and unknown to the table.
const sequences = [
  0x0008_1140, 0x0008_2112, 0x0040_0275, 0x0040_a730, 0x0008_1120, 0x0018_9346, 0x0054_0016, 0x0029_1010,
];

const value: fc.Arbitrary<Part> = fc
  .oneof(
    fc.constantFrom(...identifying).map((tag) => [tag, standardVr(tag) ?? 'LO'] as const),
    fc.constantFrom(...others),
  )
  .filter(([, vr]) => vr !== 'SQ')
  .map(([tag, vr]) => ({
    tag,
    vr,
    value: BINARY.test(vr) ? Buffer.from('SECRET..') : (MARKED[vr] ?? 'SECRET^One'),
  }));

const { dataSet } = fc.letrec<{ dataSet: readonly Part[]; part: Part; sequence: Part }>((tie) => ({
  dataSet: fc.uniqueArray(tie('part'), { selector: ({ tag }) => tag, maxLength: 8 }),
  part: fc.oneof({ maxDepth: 4, withCrossShrink: true }, value, tie('sequence')),
  sequence: fc.record({
    tag: fc.constantFrom(...sequences),
    vr: fc.constant('SQ'),
    value: fc.array(tie('dataSet'), { maxLength: 3 }),
    delimited: fc.boolean(),
  }),
}));

describe('de-identification of any data set', () => {
  it('lets no marked text through, in no syntax, at no depth, however a sequence ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        dataSet,
        fc.constantFrom<Syntax[]>('implicit', 'explicit', 'deflated', 'bigEndian'),
        fc.boolean(),
        async (parts, syntax, shiftDates) => {
          const preamble = Buffer.alloc(128, 'SECRET');
          const { bytes } = await deidentify(aFile(parts, syntax, preamble), {
            key,
            shiftDates,
            burnedIn: 'flag',
          });
          expect(MARKS.exec(plain(bytes, syntax))).toBeNull();
        },
      ),
      { numRuns: RUNS, seed: 20_260_401 },
    );
  });

  it('of any bytes: an output or a code, never another error', async () => {
    const base = aFile([
      {
        tag: 0x0008_1140,
        vr: 'SQ',
        value: [[{ tag: 0x0008_1155, vr: 'UI', value: '1.2.3' }], []],
        delimited: true,
      },
      { tag: 0x0009_1010, vr: 'UN', value: [[{ tag: 0x0009_1011, vr: 'UN', value: '12' }]], delimited: true },
      { tag: 0x0010_0020, vr: 'LO', value: 'SECRET' },
    ]);
    const change = fc.tuple(
      fc.nat({ max: base.length - 133 }),
      fc.constantFrom(0, 1, 2, 0xe0, 0xfe, 0xff, 0x53),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 6 }),
        fc.nat({ max: base.length }),
        async (changes, length) => {
          const bytes = Uint8Array.from(base);
          for (const [at, byte] of changes) bytes[132 + at] = byte;
          const cut = length < 132 ? bytes : bytes.subarray(0, length);
          const error: unknown = await deidentify(cut, { key, burnedIn: 'flag' }).catch(
            (reason: unknown) => reason,
          );
          expect(error instanceof Error ? error.name : 'ImagingError').toBe('ImagingError');
        },
      ),
      { numRuns: RUNS * 5, seed: 20_260_402 },
    );
  });
});

function plain(file: Uint8Array | undefined, syntax: Syntax): string {
  const bytes = Buffer.from(file ?? '');
  if (syntax !== 'deflated') return bytes.toString('latin1');
  const length = bytes.readUInt32LE(140);
  expect(bytes.toString('latin1', 144, 144 + length)).toContain(SYNTAXES.deflated);
  const body = bytes.subarray(144 + length);
  return bytes.toString('latin1', 0, 144 + length) + inflateRawSync(body).toString('latin1');
}
