import { join } from 'node:path';
import { contractSchema } from '@hilum/imaging';
import { scanDataset } from '../dataset/scan.ts';
import { writePhantomStudies } from '../phantom/studies.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { Averaging, contract } from '../../test/averaging.ts';
import { scratchDir } from '../../test/scratch.ts';
import { extractFeatures } from './extract.ts';

const scratch = scratchDir('copies');

describe('extractFeatures', () => {
  let bench: Averaging;
  beforeAll(async () => {
    bench = await Averaging.open(scratch);
  });

  describe('with changed copies', () => {
    const recipe = { copies: 2, rotationDegrees: 10, shiftPercent: 5, scalePercent: 5, noise: 10 };
    const augmentation = { recipe, seed: 7, train: [0, 1] };

    it('makes them of training images alone, beside the images themselves', async () => {
      const progress: unknown[] = [];
      const features = await extractFeatures(
        bench.options(join(scratch, 'copies'), { augmentation, onProgress: (p) => progress.push(p) }),
      );
      expect(bench.inferred).toBe(3 + 2 * 2);
      expect(progress.at(-1)).toEqual({ images: 8, totalImages: 8, cached: 1 });
      const [plain, one, two] = [0, 1, 2].map((copy) => features.rows([0, 1], copy));
      expect(one).not.toEqual(plain);
      expect(two).not.toEqual(one);
      expect(() => features.rows([3], 1)).toThrow(/no features/);
      expect(() => features.rows([0], 3)).toThrow(/no copy 3/);
      features.close();
    });

    it('shares the images with runs that change nothing, and copies with runs that make more of them', async () => {
      const cacheDir = join(scratch, 'shared');
      (await extractFeatures(bench.options(cacheDir))).close();
      const two = await extractFeatures(bench.options(cacheDir, { augmentation }));
      expect(bench.inferred).toBe(4);
      const kept = two.rows([0, 1], 2);
      two.close();
      const more = { ...augmentation, recipe: { ...recipe, copies: 3 } };
      const three = await extractFeatures(bench.options(cacheDir, { augmentation: more }));
      expect(bench.inferred).toBe(2);
      expect(three.rows([0, 1], 2)).toEqual(kept);
      three.close();
    });

    it.each([
      ['another seed', { ...augmentation, seed: 8 }],
      ['another recipe', { ...augmentation, recipe: { ...recipe, noise: 11 } }],
    ])('makes them anew for %s', async (_, changed) => {
      const cacheDir = join(scratch, 'seeds');
      const first = await extractFeatures(bench.options(cacheDir, { augmentation }));
      const before = first.rows([0, 1], 1);
      first.close();
      const second = await extractFeatures(bench.options(cacheDir, { augmentation: changed }));
      expect(bench.inferred).toBe(4);
      expect(second.rows([0, 1], 1)).not.toEqual(before);
      second.close();
    });

    it('makes them anew for other frozen layers', async () => {
      const cacheDir = join(scratch, 'layers');
      (await extractFeatures(bench.options(cacheDir, { augmentation }))).close();
      (await extractFeatures(bench.options(cacheDir, { augmentation, cut: 'block5_conv1' }))).close();
      expect(bench.inferred).toBe(3 + 2 * 2);
    });

    it('gives the image itself where a contract that crops to the lungs finds none in the copy', async () => {
      const dir = join(scratch, 'lungs');
      await writePhantomStudies({ dir, patients: 2, slices: 1, seed: 3 });
      const chests = await scanDataset(dir);
      const features = await extractFeatures(
        bench.options(join(scratch, 'lost'), {
          dataset: chests,
          contract: contractSchema.parse({ ...contract, crop: 'lung' }),
          // Far out of the picture.
          augmentation: { recipe: { ...recipe, copies: 4, shiftPercent: 900 }, seed: 7, train: [0] },
        }),
      );
      const rows = [1, 2, 3, 4].map((copy) => features.rows([0], copy));
      expect(rows.some((row) => row.every((value, at) => value === features.rows([0])[at]))).toBe(true);
      features.close();
    });

    it('gives the image itself for every copy where the recipe changes nothing, and computes none', async () => {
      const nothing = { copies: 2, rotationDegrees: 0, shiftPercent: 0, scalePercent: 0, noise: 0 };
      const features = await extractFeatures(
        bench.options(join(scratch, 'nothing'), { augmentation: { ...augmentation, recipe: nothing } }),
      );
      expect(bench.inferred).toBe(3);
      expect(features.rows([0, 1], 2)).toEqual(features.rows([0, 1]));
      features.close();
    });
  });
});
