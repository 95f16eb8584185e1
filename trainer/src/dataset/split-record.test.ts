import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { foldsByPatient } from './folds.ts';
import { splitByPatient } from './split.ts';
import { readSplit, recordSplit, splitDigest, writeSplit, type SplitRecord } from './split-record.ts';

const scratch = scratchDir('split-record');

const images = ['benign', 'malignant'].flatMap((label) =>
  Array.from({ length: 10 }, (_, at) => ({
    file: `${label}/p${at % 5}-${label}/${at}.png`,
    label,
    patient: `p${at % 5}-${label}`,
  })),
);

function aRecord(seed = 7): SplitRecord {
  const patients = splitByPatient(images, { seed, validationPercent: 20, testPercent: 20 });
  return recordSplit({
    seed,
    images,
    patients,
    fractions: { train: 0.6, validation: 0.2, test: 0.2 },
  });
}

async function written(change: (text: string) => string): Promise<string> {
  const path = join(scratch, 'split.json');
  await writeSplit(path, aRecord());
  await writeFile(path, change(await readFile(path, 'utf8')));
  return path;
}

describe('a recorded split', () => {
  it('places every image where its patient is', () => {
    const { sides } = aRecord();
    expect(Object.keys(sides).toSorted()).toEqual(images.map(({ file }) => file).toSorted());
    expect(sides['benign/p0-benign/0.png']).toBe(sides['benign/p0-benign/5.png']);
    expect(new Set(Object.values(sides))).toEqual(new Set(['train', 'validation', 'test']));
  });

  it('is read back as it was written, by the digest that writing gave', async () => {
    const path = join(scratch, 'whole.json');
    const sha256 = await writeSplit(path, aRecord());
    expect(await readSplit(path, { sha256, images })).toEqual(aRecord());
  });

  it('has bytes and a digest that no order of keys changes', async () => {
    const record = aRecord();
    const entries = Object.entries(record.sides);
    const anyOrder = fc.shuffledSubarray(entries, { minLength: entries.length });
    fc.assert(
      fc.property(anyOrder, (shuffled) => {
        const { version, seed, by, fractions, patients } = record;
        const again = { patients, sides: Object.fromEntries(shuffled), fractions, by, seed, version };
        expect(splitDigest(again)).toBe(splitDigest(record));
      }),
    );
    const reversed = { ...record, sides: Object.fromEntries(entries.toReversed()) };
    const [a, b] = [join(scratch, 'a.json'), join(scratch, 'b.json')];
    await writeSplit(a, record);
    await writeSplit(b, reversed);
    expect(await readFile(a, 'utf8')).toBe(await readFile(b, 'utf8'));
  });

  it('has another digest for another seed', () => {
    expect(splitDigest(aRecord(8))).not.toBe(splitDigest(aRecord(7)));
  });

  it('records folds by their names', () => {
    const [folds = []] = foldsByPatient(images, { seed: 1, folds: 2 });
    const patients = Object.fromEntries(folds.map((names, at) => [`fold-${at + 1}`, names]));
    const fractions = { 'fold-1': 0.5, 'fold-2': 0.5 };
    const { sides } = recordSplit({ seed: 1, images, patients, fractions });
    expect(new Set(Object.values(sides))).toEqual(new Set(['fold-1', 'fold-2']));
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ['an image was moved', (text) => text.replace('": "test"', '": "train"'), /changed after/],
    ['the seed was changed', (text) => text.replace('"seed": 7', '"seed": 8'), /changed after/],
    ['it was cut', (text) => text.slice(0, 100), /not JSON/],
    ['a side is unknown', (text) => text.replace('": "test"', '": "holdout"'), /side that has no fraction/],
    ['a version is unknown', (text) => text.replace('"version": 2', '"version": 1'), /version/],
  ])('is refused where %s', async (_, change, why) => {
    await expect(readSplit(await written(change))).rejects.toMatchObject({
      code: 'SPLIT_MALFORMED',
      exitCode: 65,
      message: expect.stringMatching(why) as string,
    });
  });

  it('is refused where it is not the one that was asked for', async () => {
    const path = await written((text) => text);
    const refused = { code: 'SPLIT_MALFORMED' };
    await expect(readSplit(path, { sha256: splitDigest(aRecord(8)) })).rejects.toMatchObject(refused);
  });

  it('is refused for a dataset that gained or lost an image, which is named', async () => {
    const path = await written((text) => text);
    const gained = [...images, { file: 'benign/new/1.png', patient: 'new' }];
    await expect(readSplit(path, { images: gained })).rejects.toThrow(/1 image.*benign\/new\/1\.png/);
    await expect(readSplit(path, { images: images.slice(1) })).rejects.toThrow(
      /1 are not there.*p0-benign\/0\.png/,
    );
  });

  it('is refused for a dataset whose images are grouped otherwise', async () => {
    const path = await written((text) => text);
    const [first, ...others] = images;
    const regrouped = [{ file: first?.file ?? '', patient: 'somebody else' }, ...others];
    await expect(readSplit(path, { images: regrouped })).rejects.toThrow(/other groups.*p0-benign\/0\.png/);
  });

  it('says where there is none', async () => {
    await expect(readSplit(join(scratch, 'none.json'))).rejects.toMatchObject({ code: 'SPLIT_MISSING' });
  });
});
