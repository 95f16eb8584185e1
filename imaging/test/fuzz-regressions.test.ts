import { afterAll, describe, expect, test } from 'vitest';
import { progressive } from '../fuzz/bombs-picture.ts';
import { put, text } from '../fuzz/dataset.ts';
import type { Node } from '../fuzz/dataset.ts';
import { readTree } from '../fuzz/dataset-read.ts';
import { writeTree } from '../fuzz/dataset-write.ts';
import { closeDecoders, decodeImage, deidentify, readFacts, writeFindingReport } from '../src/index.ts';
import { aSlice } from './edit-dicom.ts';

const KEY = new Uint8Array(32);
const ALGORITHM = { name: 'test', version: '1', digest: `sha256:${'0'.repeat(64)}` } as const;
const REFUSED = { outcome: 'refused', algorithm: ALGORITHM, code: 'CORRUPT', text: 'Broken.' } as const;

afterAll(closeDecoders);

// Each of these was found by `npm run fuzz -w imaging`.
describe('a picture made to harm', () => {
  test('is refused when its JPEG has hundreds of scans, each a walk over the whole image', async () => {
    expect(await decodeImage(progressive(64, 10))).toMatchObject({ kind: 'grey', rows: 64, columns: 64 });
    await expect(decodeImage(progressive(64, 65))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });
});

// No timing is asserted: with a pattern that starts anew at each blank, the time grows with the square of their number.
describe('a long run of blanks in a text', () => {
  test('of the transfer syntax is read in one pass', async () => {
    const file = withElement({ tag: 0x0002_0010, vr: 'UT', value: blanks(' ') });
    await expect(readFacts(file)).rejects.toMatchObject({ code: 'TRANSFER_SYNTAX_UNSUPPORTED' });
  });

  test('of the data set is de-identified in one pass, on the thread of the caller', async () => {
    const file = withElement({ tag: 0x0008_0008, vr: 'UT', value: blanks('\0') });
    expect(await deidentify(file, { key: KEY, burnedIn: 'flag' })).toHaveProperty('bytes');
  });
});

describe('a character set that is a name of JavaScript', () => {
  test.each(['toString', 'constructor', '__proto__'])('%s reads as if none were given', async (name) => {
    const file = withElement(text(0x0008_0005, 'CS', name));
    const report = await writeFindingReport(REFUSED, file, { now: new Date(0), uid: () => '2.25.1' });
    expect(Buffer.from(report).toString('latin1')).toContain('Phantom^P1');
  });
});

describe('an element of a million UIDs', () => {
  test('is refused before a pseudonym is made for each', async () => {
    expect(await deidentify(withElement(uids(1)), { key: KEY, burnedIn: 'flag' })).toHaveProperty('bytes');
    await expect(deidentify(withElement(uids(1_000_000)), { key: KEY })).rejects.toMatchObject({
      code: 'CORRUPT',
    });
  });
});

const blanks = (unit: string) => Buffer.from(`${unit.repeat(4_000_000)}x `);

const uids = (count: number) => ({ tag: 0x0008_0018, vr: 'UT', value: Buffer.from('1.2\\'.repeat(count)) });

function withElement(node: Node): Uint8Array {
  const tree = readTree(aSlice());
  if (tree === undefined) throw new Error('the slice is not read');
  put(node.tag >>> 16 === 2 ? tree.meta : tree.data, node);
  return writeTree(tree);
}
