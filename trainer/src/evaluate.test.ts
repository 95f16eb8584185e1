/** Packages on folders, with the decision that their run left in them; real networks on drawn images. */
import { DECISION_FILE } from '@hilum/model';
import { createHash } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { defined, failure } from '../test/figures.ts';
import { aRecipe, aRun } from '../test/runs.ts';
import { scratchDir } from '../test/scratch.ts';
import { evaluate } from './evaluate.ts';
import { readFactsOf } from './evaluation/facts.ts';
import type { TrainResult } from './options.ts';
import { writePhantomStudies } from './phantom/studies.ts';
import { train } from './train.ts';

const scratch = scratchDir('evaluate');
const dataDir = join(scratch, 'phantom');
const packageDir = join(scratch, 'package');
let result: TrainResult;

beforeAll(async () => {
  await writePhantomStudies({ dir: dataDir, patients: 18, slices: 2, seed: 7 });
  result = await train(
    await aRun(scratch, dataDir, {
      preprocessing: { inputSize: 64 },
      ...aRecipe({ hyperparameters: { epochs: 2 } }),
    }),
  );
});

/** A copy of the package with another decision, or none, that its manifest vouches for. */
async function copyWith(dir: string, decision: string | undefined): Promise<void> {
  await cp(packageDir, dir, { recursive: true });
  const path = `training/${DECISION_FILE}`;
  const manifest = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')) as {
    readonly files: readonly { readonly path: string }[];
  };
  const files: unknown[] = manifest.files.filter((file) => file.path !== path);
  if (decision === undefined) {
    await rm(join(dir, path));
  } else {
    await writeFile(join(dir, path), decision);
    const sha256 = createHash('sha256').update(decision).digest('hex');
    files.push({ path, sha256, bytes: Buffer.byteLength(decision) });
  }
  await writeFile(join(dir, 'manifest.json'), JSON.stringify({ ...manifest, files }));
}

describe('evaluate', () => {
  it('finds of the package what the run found of the network, by the same decision', async () => {
    const { assessment } = await evaluate({ packageDir, dataDir, part: 'test' });
    expect(assessment.decision).toEqual(result.details?.decision);
    const trained = result.details?.assessment.levels;
    for (const level of ['image', 'unit', 'patient'] as const) {
      expect(assessment.levels[level].samples).toBe(trained?.[level].samples);
      expect(defined(assessment.levels[level].aucRoc).value).toBeCloseTo(
        defined(trained?.[level].aucRoc ?? { notDefined: 'absent' }).value,
        9,
      );
    }
    const { fileBytes, ...others } = assessment.levels.unit.shortcuts;
    expect(Object.keys(others)).toEqual(['meanGrey', 'pixels']);
    expect(defined(fileBytes ?? { notDefined: 'absent' })).toMatchObject({ feature: 'fileBytes' });
  });

  it('chooses no threshold where the package brings none, and says so', async () => {
    const plain = join(scratch, 'plain');
    await copyWith(plain, undefined);
    const { assessment } = await evaluate({ packageDir: plain, dataDir });
    expect(assessment.decision).toBeUndefined();
    expect(assessment.levels.unit.operating).toHaveProperty('notDefined');
    expect(assessment.caveats.join(' ')).toContain('No threshold was chosen');
  });

  it('refuses a decision that is damaged or of a model with other labels', async () => {
    const damaged = join(scratch, 'damaged');
    const decision = JSON.stringify({ ...result.details?.decision, labels: ['cat', 'dog'] });
    for (const text of ['{', '{}', decision]) {
      await copyWith(damaged, text);
      await expect(evaluate({ packageDir: damaged, dataDir })).rejects.toEqual(failure('PACKAGE_UNREADABLE'));
      await expect(evaluate({ packageDir: damaged, dataDir })).rejects.toThrow(`training/${DECISION_FILE}`);
    }
  });

  it('is not below itself, and says that the other has seen the patients where it has', async () => {
    const progress: number[] = [];
    const same = await evaluate({
      packageDir,
      dataDir,
      againstDir: packageDir,
      resamples: 100,
      onProgress: ({ images, totalImages }) => progress.push(images / totalImages),
    });
    const { champion } = same.assessment.levels.unit;
    expect(defined(champion ?? { notDefined: 'absent' })).toMatchObject({
      name: 'package',
      model: { difference: 0 },
    });
    expect(progress.at(-1)).toBe(1);
    expect(same.assessment.caveats.join(' ')).not.toContain('compared with was trained');
    const seen = await evaluate({ packageDir, dataDir, part: 'train', againstDir: packageDir });
    expect(seen.assessment.caveats.join(' ')).toMatch(
      /compared with was trained or chosen on \d+ of these patients/,
    );
    expect(seen.assessment.caveats.join(' ')).toContain('figures of the train part');
  });
});

describe('readFactsOf', () => {
  it('measures file, grey and shape, and takes diameter, rating and columns of the labels over', async () => {
    const file = `${result.details?.evaluation.images[0]?.file}`;
    const covariates = { diameterMm: 7.5, rating: 4, columns: { scanner: 'A' } };
    const images = [{ file, label: 'benign', patient: 'p', unit: 'u', covariates }];
    const facts = (await readFactsOf(dataDir, images)).get(file);
    expect(facts?.shortcuts).toMatchObject({
      fileBytes: (await readFile(join(dataDir, file))).length,
      pixels: 256 * 256,
      diameterMm: 7.5,
    });
    expect(facts?.shortcuts['meanGrey']).toBeGreaterThan(-1024);
    expect(facts?.attributes).toEqual({
      scanner: 'A',
      imageShape: '256x256',
      diameter: '6 to 8 mm',
      rating: '4',
    });
  });

  it('ends where the signal is raised, and names a file that cannot be read', async () => {
    const image = { file: 'gone.dcm', label: 'a', patient: 'p', unit: 'u' };
    await expect(readFactsOf(dataDir, [image])).rejects.toEqual(failure('UNREADABLE_IMAGE'));
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(readFactsOf(dataDir, [image], { signal })).rejects.toThrow('enough');
  });
});
