import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LIDC, NO_DATA } from '../../test/lidc.ts';
import { DICOM, PNG, scratchDir, writeTree } from '../../test/scratch.ts';
import { auditLeakage } from '../audit/audit.ts';
import { foldsByPatient } from '../dataset/folds.ts';
import { recordSplit } from '../dataset/split-record.ts';
import { labelDataset, type LabelSource } from './label.ts';
import { parseManifest } from './manifest.ts';
import { parseNodules } from './nodules.ts';

const scratch = scratchDir('labels');
const DATA = dirname(LIDC);
let count = 0;

async function folder(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  count += 1;
  const dir = join(scratch, String(count));
  await writeTree(dir, files);
  return dir;
}

describe('labels from a manifest', () => {
  const files = { 'x/1.png': PNG, 'x/2.png': PNG, 'x/3.png': PNG, 'x/not-named.png': PNG };
  const table = [
    'path,label,group,bytes,diameter_mm,rating',
    'x/2.png,malignant,g2,1,12.5,4',
    'x/1.png,benign,g1,1,,',
    '"x/3.png",benign,"g, the third",1,3,',
  ].join('\n');

  it('are given to the images that have a row, wherever they lie', async () => {
    const dir = await folder({ ...files, 'manifest.csv': table });
    const source: LabelSource = { from: 'manifest', table: join(dir, 'manifest.csv') };
    expect(await labelDataset(dir, source)).toEqual({
      dir,
      kind: 'grey',
      labels: ['benign', 'malignant'],
      ignored: 0,
      unlabelled: 0,
      labelsSha256: createHash('sha256').update(table).digest('hex'),
      images: [
        { file: 'x/1.png', label: 'benign', patient: 'g1', unit: 'benign/g1' },
        {
          file: 'x/2.png',
          label: 'malignant',
          patient: 'g2',
          unit: 'malignant/g2',
          covariates: { diameterMm: 12.5, rating: 4 },
        },
        {
          file: 'x/3.png',
          label: 'benign',
          patient: 'g, the third',
          unit: 'benign/g, the third',
          covariates: { diameterMm: 3 },
        },
      ],
    });
  });

  it('can name the unit, and can be of one folder of many', () => {
    const text = 'path,label,group,unit\na/1.png,x,g,\na/b/2.png,y,g,n7\nab/3.png,x,g,\n';
    expect(parseManifest(text, { under: 'a/' })).toEqual([
      { line: 2, file: '1.png', label: 'x', patient: 'g', unit: 'x/g' },
      { line: 3, file: 'b/2.png', label: 'y', patient: 'g', unit: 'n7' },
    ]);
  });

  it('keep the text of the columns that are asked for, and of no other', () => {
    const text = 'path,label,group,sex,name,rating\na.png,x,g,F,Somebody,4\nb.png,y,h,,Else,\n';
    expect(parseManifest(text, { columns: ['sex'] }).map(({ covariates }) => covariates)).toEqual([
      { rating: 4, columns: { sex: 'F' } },
      undefined,
    ]);
    expect(() => parseManifest(text, { columns: ['sex', 'age'] })).toThrow(
      expect.objectContaining({
        code: 'LABELS_MALFORMED',
        message: expect.stringMatching(/no column age$/) as string,
      }) as Error,
    );
  });

  it.each([
    ['path,label\na.png,x', /line 2: group/],
    ['path,label,group\na.png,,g', /line 2: label/],
    ['path,label,group\n/etc/a.png,x,g', /line 2: path: not a relative path/],
    ['path,label,group\na\\b.png,x,g', /line 2: path: not a relative path/],
    ['path,label,group\na/../../b.png,x,g', /line 2: path: leaves its folder/],
    ['path,label,group\na.png,x,g\nb.png,x,g\na.png,y,h', /lines 2 and 4 are of one image, a\.png/],
    ['path,label,group,diameter_mm\na.png,x,g,-3', /line 2: diameter_mm/],
    ['path,label,group,rating\na.png,x,g,six', /line 2: rating/],
  ])('are refused for %j', (text, why) => {
    expect(() => parseManifest(text)).toThrow(
      expect.objectContaining({
        code: 'LABELS_MALFORMED',
        message: expect.stringMatching(why) as string,
      }) as Error,
    );
  });

  it.each([
    ['DATASET_MISSING', 'path,label,group\nx/1.png,a,g\nx/9.png,b,h', /line 3 .*x\/9\.png.* not there/],
    [
      'LABELS_MALFORMED',
      'path,label,group\nx/notes.txt,a,g',
      /line 2 names x\/notes\.txt, which is no image/,
    ],
    ['MIXED_KINDS', 'path,label,group\nx/1.png,a,g\nx/d.dcm,b,h', /x\/1\.png and x\/d\.dcm/],
    ['ONE_CLASS', 'path,label,group\nx/1.png,a,g\nx/2.png,a,h', /label a/],
    ['DATASET_EMPTY', 'path,label,group\n', /no image/],
    ['LABELS_MALFORMED', Buffer.from('path,label,group\nx/1.png,b\xf6se,g', 'latin1'), /UTF-8/],
  ])('end with %s where the files are not as the rows say', async (code, table, why) => {
    const dir = await folder({ ...files, 'x/notes.txt': 'x', 'x/d.dcm': DICOM, 'm.csv': table });
    await expect(labelDataset(dir, { from: 'manifest', table: join(dir, 'm.csv') })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(why) as string,
    });
  });

  it('say that there is no table', async () => {
    const source: LabelSource = { from: 'manifest', table: join(scratch, 'none.csv') };
    await expect(labelDataset(scratch, source)).rejects.toMatchObject({ code: 'DATASET_MISSING' });
  });

  it('stop when told', async () => {
    const dir = await folder({ ...files, 'm.csv': table });
    const source: LabelSource = { from: 'manifest', table: join(dir, 'm.csv') };
    await expect(labelDataset(dir, source, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  });
});

describe('labels from ratings', () => {
  const table = [
    'exam_id,nodule_id,diameter_mm,malignancy,label',
    'e1,Nodule 001,5.5,1,said-otherwise',
    'e1,2,6,3,benign',
    'e2,1,20,5,malignant',
  ].join('\n');
  const files = {
    'any/e1/Nodule_001/1.png': PNG,
    'any/e1/2/1.png': PNG,
    'other/e2/1/1.png': PNG,
    'any/e9/1/1.png': PNG,
  };

  it('leave out what is between benign and malignant, and what has no row', async () => {
    const dir = await folder({ ...files, 'nodules.csv': table });
    const source: LabelSource = { from: 'nodules', table: join(dir, 'nodules.csv') };
    expect(await labelDataset(dir, source)).toMatchObject({
      labels: ['benign', 'malignant'],
      unlabelled: 2,
      images: [
        {
          file: 'any/e1/Nodule_001/1.png',
          label: 'benign',
          patient: 'e1',
          unit: 'any/e1/Nodule_001',
          covariates: { diameterMm: 5.5, rating: 1 },
        },
        { file: 'other/e2/1/1.png', label: 'malignant', covariates: { diameterMm: 20, rating: 5 } },
      ],
    });
  });

  it('follow another rule where one is given', () => {
    const labels = parseNodules(table, { benignUpTo: 1, malignantFrom: 3 }).map(({ label }) => label);
    expect(labels).toEqual(['benign', 'malignant', 'malignant']);
  });

  it.each([
    ['exam_id,nodule_id,diameter_mm,malignancy\ne1,1,5,6', /line 2: malignancy/],
    ['exam_id,nodule_id,diameter_mm,malignancy\ne1,1,,5', /line 2: diameter_mm: not a number/],
    ['exam_id,nodule_id,diameter_mm,malignancy\ne1,../1,4,5', /line 2: nodule_id: not the name of a folder/],
    ['exam_id,nodule_id,diameter_mm,malignancy\ne1,a 1,4,5\ne1,a_1,4,5', /lines 2 and 3 are of one nodule/],
    ['exam_id,nodule_id,malignancy\ne1,1,5', /line 2: diameter_mm/],
  ])('are refused for %j', (text, why) => {
    expect(() => parseNodules(text)).toThrow(
      expect.objectContaining({
        code: 'LABELS_MALFORMED',
        message: expect.stringMatching(why) as string,
      }) as Error,
    );
  });

  it('are refused where no row is of an image', async () => {
    const dir = await folder({ 'any/other/1/1.png': PNG, 'some/other/2/1.png': PNG, 'nodules.csv': table });
    await expect(labelDataset(dir, { from: 'nodules', table: join(dir, 'nodules.csv') })).rejects.toThrow(
      /no image lies in the folder/,
    );
  });
});

describe('labels from folders', () => {
  it('are as the scan finds them', async () => {
    const dir = await folder({ 'a/p1/1.png': PNG, 'b/p2/1.png': PNG, 'b/p2/notes.txt': 'x' });
    expect(await labelDataset(dir, { from: 'folders' })).toMatchObject({
      labels: ['a', 'b'],
      ignored: 1,
      unlabelled: 0,
    });
  });
});

describe.skipIf(NO_DATA !== undefined)(`on the real images ${NO_DATA ?? ''}`, () => {
  it('ratings give every nodule the label of its folder, with its diameter', async () => {
    const dataset = await labelDataset(LIDC, { from: 'nodules', table: join(LIDC, 'nodules.csv') });
    expect(dataset.images).toHaveLength(2030);
    expect(dataset.unlabelled).toBe(0);
    for (const { file, label, covariates } of dataset.images) {
      expect(file.startsWith(`${label}/`)).toBe(true);
      expect(covariates?.diameterMm).toBeGreaterThan(2);
    }
  });

  // One test for both, as decoding the pictures is what takes the time.
  it('the groups of the manifest keep copies and twins of chest slices together in every fold', async () => {
    const table = join(DATA, 'manifest.csv');
    expect(existsSync(table)).toBe(true);
    const source: LabelSource = { from: 'manifest', table, under: 'iq-oth-nccd' };
    const { dir, images } = await labelDataset(join(DATA, 'iq-oth-nccd'), source);
    expect(images).toHaveLength(302);
    const [folds = []] = foldsByPatient(images, { seed: 7, folds: 5 });
    const patients = Object.fromEntries(folds.map((names, at) => [`fold-${at + 1}`, names]));
    const fractions = Object.fromEntries(Object.keys(patients).map((side) => [side, 0.2]));
    const { sides } = recordSplit({ seed: 7, images, patients, fractions });
    expect(await auditLeakage({ dir, images, sides })).toMatchObject({
      passed: true,
      counts: { images: 302, exactAcross: 0, exactWithin: 16, nearAcross: 0, nearInGroup: 10 },
    });
  });
});
