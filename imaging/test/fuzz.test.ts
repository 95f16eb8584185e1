import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeCase } from '../fuzz/case.ts';
import { CANARY, loadCorpus } from '../fuzz/corpus.ts';
import { readTree } from '../fuzz/dataset-read.ts';
import { writeTree } from '../fuzz/dataset-write.ts';
import { runFleet } from '../fuzz/fleet.ts';
import { Notes } from '../fuzz/notes.ts';
import { IMAGING_CODES, ImagingError } from '../src/index.ts';

const repository = resolve(import.meta.dirname, '../..');
const data = resolve(repository, process.env['HILUM_DATA'] ?? '../shared/data');
const lane = { seed: 20_261_124, only: '**', data } as const;

describe('hostile files', () => {
  test('each end with a value or a code, in time and memory, and say nothing of the patient', async () => {
    const summary = await runFleet({ ...lane, jobs: 2, first: 0, cases: 1500 });
    const again = summary.found.map(({ index, findings }) => ({
      findings,
      command: `npm run fuzz -w imaging -- --seed ${lane.seed} --case ${index}`,
    }));
    expect(again).toEqual([]);
    expect(summary.cases).toBe(1500);
    // Not all are refused at the first look, nor all read.
    expect(summary.outcomes.get('decodeImage ok')).toBeGreaterThan(100);
    expect(summary.outcomes.get('frame ok')).toBeGreaterThan(50);
    expect(summary.outcomes.get('decodeImage CORRUPT')).toBeGreaterThan(100);
  }, 300_000);

  test('are the same bytes whenever they are made', async () => {
    const [first, second] = [await loadCorpus('none', 'built/*'), await loadCorpus('none', 'built/*')];
    expect(first.digest).toBe(second.digest);
    for (const index of [0, 7, 99]) {
      const [a, b] = [await makeCase(first, 5, index), await makeCase(second, 5, index)];
      expect(Buffer.compare(a.bytes, b.bytes)).toBe(0);
      expect(a.what).toEqual(b.what);
    }
    const other = await makeCase(first, 6, 7);
    expect(Buffer.compare(other.bytes, (await makeCase(first, 5, 7)).bytes)).not.toBe(0);
  });
});

test('the fuzzer writes a file as it read it, and puts a canary where a patient is named', async () => {
  const { seeds } = await loadCorpus('none', 'built/*.dcm');
  for (const { bytes } of seeds) {
    const tree = readTree(bytes);
    expect(tree && Buffer.compare(writeTree(tree), bytes)).toBe(0);
    expect(Buffer.from(tree?.data.find(({ vr }) => vr === 'PN')?.value ?? []).toString()).toContain(CANARY);
  }
  expect(seeds.length).toBeGreaterThan(30);
});

describe('what is noted of a call', () => {
  test('is the code of a refusal and nothing bad', async () => {
    const notes = new Notes();
    await notes.call('decodeImage', async () => Promise.reject(new ImagingError('CORRUPT')));
    expect(notes.outcomes).toEqual(['decodeImage CORRUPT']);
    expect(notes.findings).toEqual([]);
  });

  test('is a finding where the error is none of ours', async () => {
    const notes = new Notes();
    await notes.call('decodeImage', () => {
      throw new RangeError('Invalid array length');
    });
    expect(notes.findings).toMatchObject([{ kind: 'CODE', call: 'decodeImage' }]);
  });

  test('is a finding where a message or a cause names the patient', async () => {
    const notes = new Notes();
    const cause = new Error(`cannot read ${CANARY}`);
    await notes.call('a', async () => Promise.reject(new ImagingError('CORRUPT', undefined, { cause })));
    await notes.call('b', async () => Promise.reject(new ImagingError('CORRUPT', CANARY)));
    expect(notes.findings.map(({ kind, call }) => `${kind} ${call}`)).toEqual(['CANARY a', 'CANARY b']);
    expect(JSON.stringify(IMAGING_CODES)).not.toContain(CANARY);
  });

  test.each([
    ['is not a number', [Number.NaN, 0, 0, 0]],
    ['lies outside of the range', [0, 0, 3072, 0]],
    ['is missing', [0, 0, 0]],
  ])('is a finding where a pixel %s', (_, pixels) => {
    const notes = new Notes();
    const image = { kind: 'hu', rows: 2, columns: 2, source: 'dicom', transferSyntax: '1' } as const;
    notes.consistent('decodeImage', { ...image, pixels: Float32Array.from(pixels) });
    expect(notes.findings).toMatchObject([{ kind: 'INCONSISTENT' }]);
  });
});
