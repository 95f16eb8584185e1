import { join } from 'node:path';
import { defaultContract } from '@hilum/imaging';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { waterBottle } from '../../test/water.ts';
import { writePhantomStudies } from '../phantom/studies.ts';
import { surveyDomain } from './domain.ts';
import { scanDataset, type Dataset } from './scan.ts';

const scratch = scratchDir('domain');
const contract = defaultContract('hu', 64);

describe('surveyDomain', () => {
  let chests: Dataset;
  beforeAll(async () => {
    const dir = join(scratch, 'chests');
    await writePhantomStudies({ dir, patients: 6, slices: 2, seed: 3 });
    chests = await scanDataset(dir);
  });

  it('finds lungs in every phantom, so that the model is one of chest slices', async () => {
    expect(await surveyDomain(chests, contract)).toEqual({ domain: 'chest-ct', images: 12, outside: 0 });
  });

  it('claims no domain where one image is outside of it, and says how many and which is the first', async () => {
    const dir = join(scratch, 'mixed');
    await writePhantomStudies({ dir, patients: 2, slices: 1, seed: 3 });
    await writeTree(dir, { 'benign/bottle/1.dcm': waterBottle(), 'malignant/bottle/2.dcm': waterBottle() });
    const survey = await surveyDomain(await scanDataset(dir), contract);
    expect(survey).toEqual({
      domain: 'any',
      images: 4,
      outside: 2,
      first: { file: expect.stringMatching(/bottle/) as string, code: 'NOT_CHEST' },
    });
  });

  it('names the file that cannot be decoded', async () => {
    const dir = join(scratch, 'broken');
    await writeTree(dir, {
      'a/p1/1.dcm': waterBottle(),
      'b/p2/cut.dcm': waterBottle().subarray(0, 700),
    });
    await expect(surveyDomain(await scanDataset(dir), contract)).rejects.toMatchObject({
      code: 'UNREADABLE_IMAGE',
      message: expect.stringMatching(/^b\/p2\/cut\.dcm: [A-Z_]+: /) as string,
    });
  });

  it('ends with the reason of its signal', async () => {
    const reason = new Error('enough');
    await expect(surveyDomain(chests, contract, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
