import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeImage, defaultContract } from '@hilum/imaging';
import { describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { waterBottle } from '../../test/water.ts';
import { writePhantomStudies } from '../phantom/studies.ts';
import { judged, refusalOf, surveyDomain } from './domain.ts';
import { scanDataset } from './scan.ts';

const scratch = scratchDir('domain');
const contract = defaultContract('hu', 64);
const images = ['a', 'b', 'c'].map((file) => ({ file, label: 'benign', patient: file, unit: file }));

describe('surveyDomain', () => {
  it('says that the model is one of chest slices where a server would take every image', () => {
    expect(surveyDomain({ images }, [null, null, null], contract)).toEqual({
      domain: 'chest-ct',
      images: 3,
      outside: 0,
    });
  });

  it('claims no domain where one image is outside of it, and says how many and which is the first', () => {
    expect(surveyDomain({ images }, [null, 'NOT_CHEST', 'OUT_OF_DOMAIN'], contract)).toEqual({
      domain: 'any',
      images: 3,
      outside: 2,
      first: { file: 'b', code: 'NOT_CHEST' },
    });
  });
});

describe('the verdict on an image', () => {
  it('is a code where no lung is seen, and none where nothing is asked', async () => {
    const bottle = await decodeImage(waterBottle());
    expect(refusalOf(bottle, contract)).toBe('NOT_CHEST');
    expect(refusalOf(bottle, { domain: 'any' })).toBeUndefined();
  });

  it('hands on the lungs of every phantom, so that nobody looks for them again', async () => {
    const dir = join(scratch, 'chests');
    await writePhantomStudies({ dir, patients: 3, slices: 2, seed: 3 });
    const dataset = await scanDataset(dir);
    for (const { file } of dataset.images) {
      const { code, seen } = judged(await decodeImage(await readFile(join(dir, file))), contract);
      expect(code).toBeUndefined();
      expect(seen.lungs?.box).toBeDefined();
    }
  });
});
