import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LIDC, NO_DATA } from '../../test/lidc.ts';
import { DICOM, JPEG, PNG, scratchDir, writeTree } from '../../test/scratch.ts';
import { scanDataset } from './scan.ts';

const scratch = scratchDir('scan');
let count = 0;

async function folder(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  count += 1;
  const dir = join(scratch, String(count));
  await writeTree(dir, { 'notes.txt': '', ...files });
  return dir;
}

describe('scanDataset', () => {
  it.skipIf(NO_DATA !== undefined)(
    `lists the real nodules with label, patient and unit ${NO_DATA ?? ''}`,
    async () => {
      const dataset = await scanDataset(LIDC);
      expect(dataset).toMatchObject({ kind: 'grey', labels: ['benign', 'malignant'], ignored: 0 });
      expect(dataset.images).toHaveLength(2030);
      expect(new Set(dataset.images.map((image) => image.patient)).size).toBe(394);
      // A nodule is named within its exam and label.
      expect(new Set(dataset.images.map((image) => image.unit)).size).toBe(718);
      expect(dataset.images.at(-1)).toMatchObject({ label: 'malignant' });
    },
  );

  it('takes DICOM by its bytes, whatever the name, and ignores what is no image', async () => {
    const dir = await folder({
      'a/p1/IM0001': DICOM,
      'a/p1/series.csv': 'x',
      'a/p1/.DS_Store': 'x',
      'b/p2/deep/er/1.dcm': DICOM,
      'b/README': 'x',
      '.git/p3/1.dcm': DICOM,
    });
    expect(await scanDataset(dir)).toMatchObject({
      kind: 'hu',
      ignored: 3,
      images: [
        { file: 'a/p1/IM0001', label: 'a', patient: 'p1', unit: 'a/p1' },
        { file: 'b/p2/deep/er/1.dcm', label: 'b', patient: 'p2', unit: 'b/p2/deep/er' },
      ],
    });
  });

  it('follows a link to a file, as DVC makes them', async () => {
    const dir = await folder({ 'a/p1/1.png': PNG, 'b/p2/2.png': PNG });
    await symlink(join(dir, 'b/p2/2.png'), join(dir, 'b/p2/3.png'));
    expect((await scanDataset(dir)).images.map((image) => image.file)).toEqual([
      'a/p1/1.png',
      'b/p2/2.png',
      'b/p2/3.png',
    ]);
  });

  it.each([
    ['MIXED_KINDS', { 'a/p/1.png': PNG, 'b/p/1.dcm': DICOM }, 'b/p/1.dcm'],
    ['ONE_CLASS', { 'a/p/1.png': PNG, 'a/q/1.jpg': JPEG }, 'a'],
    ['NO_PATIENT_FOLDER', { 'a/1.png': PNG, 'b/1.png': PNG }, 'a/1.png'],
    ['UNREADABLE_IMAGE', { 'a/p/1.png': PNG, 'b/p/1.png': 'text' }, 'b/p/1.png'],
    ['DATASET_EMPTY', { 'a/p/notes.txt': 'x' }, 'no DICOM, PNG or JPEG'],
  ])('refuses with %s and names the place', async (code, files, named) => {
    await expect(scanDataset(await folder(files))).rejects.toMatchObject({
      code,
      exitCode: 65,
      retryable: false,
      message: expect.stringContaining(named) as string,
    });
  });

  it('says that a folder is not there', async () => {
    await expect(scanDataset(join(scratch, 'nowhere'))).rejects.toMatchObject({ code: 'DATASET_MISSING' });
  });

  it('stops when told', async () => {
    const dir = await folder({ 'a/p/1.png': PNG, 'b/p/1.png': PNG });
    await expect(scanDataset(dir, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  });
});
