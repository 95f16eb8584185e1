import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { copyDataset } from './copy.ts';
import { datasetMd5 } from './push.ts';

const scratch = scratchDir('dvc-copy');
const FILES = { 'a/p1/1.png': 'one', 'a/p1/2.png': 'one', 'b/p2/ü.png': 'three', 'b/empty': '' };

describe('copyDataset', () => {
  it('copies a folder whole, and says by what it would be pinned', async () => {
    const [dir, into] = [join(scratch, 'from'), join(scratch, 'to')];
    await writeTree(dir, FILES);
    const md5 = await datasetMd5(dir);
    expect(await copyDataset({ dir, into })).toEqual({ md5, files: 4, bytes: 11 });
    expect(await datasetMd5(into)).toBe(md5);
    expect(await readFile(join(into, 'b/p2/ü.png'), 'utf8')).toBe('three');
  });

  it('keeps what is there and right, and mends what is not', async () => {
    const [dir, into] = [join(scratch, 'source'), join(scratch, 'half')];
    await writeTree(dir, FILES);
    await copyDataset({ dir, into });
    const { ino } = await stat(join(into, 'a/p1/1.png'));
    await writeFile(join(into, 'b/p2/ü.png'), 'rot');
    await copyDataset({ dir, into });
    expect((await stat(join(into, 'a/p1/1.png'))).ino).toBe(ino);
    expect(await datasetMd5(into)).toBe(await datasetMd5(dir));
  });

  it('copies nothing of a folder with another pin', async () => {
    const [dir, into] = [join(scratch, 'pinned'), join(scratch, 'not-made')];
    await writeTree(dir, FILES);
    const other = `${'0'.repeat(32)}.dir`;
    await expect(copyDataset({ dir, into, expectedMd5: other })).rejects.toMatchObject({
      code: 'DATASET_MD5_MISMATCH',
    });
    await expect(stat(into)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('mixes with nothing that is there', async () => {
    const [dir, into] = [join(scratch, 'clean'), join(scratch, 'dirty')];
    await writeTree(dir, FILES);
    await writeTree(into, { 'notes.txt': 'mine' });
    await expect(copyDataset({ dir, into })).rejects.toMatchObject({ code: 'DATASET_DIRTY' });
  });
});
