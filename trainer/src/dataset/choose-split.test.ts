import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { chooseSplit, dealSplit } from './choose-split.ts';
import { foldsByPatient } from './folds.ts';
import { recordSplit, splitDigest, writeSplit } from './split-record.ts';

const scratch = scratchDir('choose-split');
const OPTIONS = { seed: 7, validationPercent: 20, testPercent: 20 };

const images = ['benign', 'malignant'].flatMap((label) =>
  Array.from({ length: 12 }, (_, at) => {
    const patient = `${label}-${at % 6}`;
    return { file: `${label}/${patient}/${at}.png`, label, patient, unit: `${label}/${patient}` };
  }),
);

async function recorded(name: string, record = dealSplit({ images }, OPTIONS)): Promise<string> {
  const path = join(scratch, `${name}.json`);
  await writeSplit(path, record);
  return path;
}

describe('the split of a run', () => {
  it('is dealt by its seed and its percentages, which its record has', async () => {
    const split = await chooseSplit({ images }, OPTIONS);
    expect(split.fractions).toEqual({ train: 0.6, validation: 0.2, test: 0.2 });
    expect(split.sides['benign/benign-3/3.png']).toBe(split.patients['benign-3']);
    expect(splitDigest(await chooseSplit({ images: images.toReversed() }, OPTIONS))).toBe(splitDigest(split));
  });

  it('is the recorded one where one is named, whatever the seed would deal', async () => {
    const other = dealSplit({ images }, { ...OPTIONS, seed: 8 });
    const record = await recorded('other', other);
    expect(await chooseSplit({ images }, { record })).toEqual(other);
    expect(await chooseSplit({ images }, { record, sha256: splitDigest(other) })).toEqual(other);
  });

  it('is refused where the record is not the one, or does not cover the dataset', async () => {
    const record = await recorded('whole');
    const sha256 = '0'.repeat(64);
    await expect(chooseSplit({ images }, { record, sha256 })).rejects.toMatchObject({
      code: 'SPLIT_MALFORMED',
    });
    const more = [
      ...images,
      { file: 'benign/new/1.png', label: 'benign', patient: 'new', unit: 'benign/new' },
    ];
    await expect(chooseSplit({ images: more }, { record })).rejects.toThrow(/1 image\(s\) have no side/);
  });

  it('is refused where the record has folds, or a part without one of the labels', async () => {
    const [folds = []] = foldsByPatient(images, { seed: 1, folds: 3 });
    const patients = Object.fromEntries(folds.map((names, at) => [`fold-${at + 1}`, names]));
    const fractions = Object.fromEntries(folds.map((_, at) => [`fold-${at + 1}`, 1 / 3]));
    const ofFolds = await recorded('folds', recordSplit({ seed: 1, images, patients, fractions }));
    await expect(chooseSplit({ images }, { record: ofFolds })).rejects.toThrow(
      /its sides are fold-1, fold-2/,
    );

    const names = [...new Set(images.map(({ patient }) => patient))];
    const uneven = {
      test: ['benign-0'],
      validation: ['benign-1', 'malignant-1'],
      train: names.filter((name) => !['benign-0', 'benign-1', 'malignant-1'].includes(name)),
    };
    const shares = { train: 0.6, validation: 0.2, test: 0.2 };
    const byHand = recordSplit({ seed: 0, images, patients: uneven, fractions: shares });
    await expect(chooseSplit({ images }, { record: await recorded('uneven', byHand) })).rejects.toMatchObject(
      {
        code: 'TOO_FEW_PATIENTS',
        message: expect.stringMatching(/malignant .* test part/) as string,
      },
    );
  });
});
