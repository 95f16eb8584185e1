import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PNG, scratchDir, writeTree } from '../../test/scratch.ts';
import { labelDataset } from './label.ts';
import { labelsFrom, manifestAt } from './table-kind.ts';

const scratch = scratchDir('table-kind');
const MANIFEST = 'path,label,group,sex\nset/a.png,x,g1,F\nset/b.png,y,g2,M\nother/c.png,y,g3,M\n';

describe('a table of labels', () => {
  it('is a manifest by its columns, whose paths count from where it lies', async () => {
    const files = { 'all.csv': MANIFEST, 'set/a.png': PNG, 'set/b.png': PNG, 'other/c.png': PNG };
    await writeTree(join(scratch, 'above'), files);
    const dir = join(scratch, 'above/set');
    const source = await labelsFrom(join(scratch, 'above/all.csv'), dir, ['sex']);
    expect(source).toMatchObject({ from: 'manifest', under: 'set' });
    const { images } = await labelDataset(dir, source);
    expect(images.map(({ file, covariates }) => [file, covariates?.columns])).toEqual([
      ['a.png', { sex: 'F' }],
      ['b.png', { sex: 'M' }],
    ]);
    expect(await labelsFrom(join(scratch, 'above/all.csv'), join(scratch, 'above'))).not.toHaveProperty(
      'under',
    );
  });

  it('counts from the images where it lies elsewhere', async () => {
    await writeTree(scratch, { 'lists/x.csv': MANIFEST, 'data/set/a.png': PNG });
    const source = await labelsFrom(join(scratch, 'lists/x.csv'), join(scratch, 'data'));
    expect(source).not.toHaveProperty('under');
  });

  it('is of nodules by its columns', async () => {
    await writeTree(scratch, { 'n.csv': 'exam_id,nodule_id,diameter_mm,malignancy\ne,1,4,5\n' });
    expect(await labelsFrom(join(scratch, 'n.csv'), scratch)).toMatchObject({ from: 'nodules' });
  });

  it('is refused where it is neither, or is not there', async () => {
    await writeTree(scratch, { 'z.csv': 'file,class\na,b\n' });
    await expect(labelsFrom(join(scratch, 'z.csv'), scratch)).rejects.toMatchObject({
      code: 'LABELS_MALFORMED',
    });
    await expect(labelsFrom(join(scratch, 'no.csv'), scratch)).rejects.toMatchObject({
      code: 'DATASET_MISSING',
    });
  });
});

describe('a manifest that is written', () => {
  it.each(['within', 'above', 'elsewhere'])('%s the images is read back as they were', async (place) => {
    const above = join(scratch, `written-${place}`);
    const dir = join(above, 'set');
    const table =
      { within: join(dir, 'm.csv'), above: join(above, 'm.csv'), elsewhere: join(scratch, `${place}.csv`) }[
        place
      ] ?? '';
    await writeTree(dir, { 'x/a "1".png': PNG, 'y/b, c.png': PNG });
    const images = [
      {
        file: 'x/a "1".png',
        label: 'x',
        patient: 'one, two',
        unit: 'x/one',
        covariates: { rating: 2, columns: { sex: 'F' } },
      },
      { file: 'y/b, c.png', label: 'y', patient: 'g', unit: 'n "7"', covariates: { diameterMm: 4.5 } },
    ];
    await writeFile(table, manifestAt(table, dir, images));
    const read = await labelDataset(dir, await labelsFrom(table, dir, ['sex']));
    expect(read.images).toEqual(images);
  });
});
