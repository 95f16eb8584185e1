/** A cross-validation by the real network on real nodules. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { beforeAll, describe, expect, it } from 'vitest';
import { LIDC, lidcSubset, NO_DATA } from '../../test/lidc.ts';
import { scratchDir } from '../../test/scratch.ts';
import { someSettings } from '../../test/settings.ts';
import { isDefined } from '../statistics/samples.ts';
import { crossValidateFolder, type CrossValidateRun, type CrossValidationRunEvent } from './run.ts';

const scratch = scratchDir('folds');

describe.skipIf(NO_DATA !== undefined)(`a cross-validation of real nodules ${NO_DATA ?? ''}`, () => {
  let options: CrossValidateRun;

  beforeAll(async () => {
    const dataDir = join(scratch, 'data');
    await lidcSubset(dataDir, 60);
    options = {
      dataDir,
      labels: { from: 'nodules', table: join(LIDC, 'nodules.csv') },
      cacheDir: join(scratch, 'features'),
      baseWeights: await baseWeightsPath(),
      settings: someSettings(),
      choice: {
        candidates: [
          { name: 'deep', parameters: {} },
          {
            name: 'shallow',
            parameters: { 'model.taps': 'block1_conv2,block2_conv2', 'model.headUnits': 0 },
          },
        ],
      },
      seed: 5,
      folds: 3,
      repeats: 1,
      innerFolds: 2,
      resamples: 200,
      dir: join(scratch, 'whole'),
      now: () => 0,
    };
  });

  it('scores every nodule without having seen its exam, beside its diameter', async () => {
    const events: CrossValidationRunEvent[] = [];
    const result = await crossValidateFolder({ ...options, onEvent: (event) => events.push(event) });
    expect(events[0]).toMatchObject({ type: 'dataset', patients: 60, folds: 3 });
    expect(events.filter(({ type }) => type === 'fold')).toHaveLength(3);
    const { unit } = result.levels;
    expect(unit.groups).toBe(60);
    const auc = isDefined(unit.aucRoc) ? unit.aucRoc.mean : 0;
    expect(auc).toBeGreaterThan(0.6);
    expect(Object.keys(unit.shortcuts)).toEqual(['diameterMm', 'fileBytes', 'meanGrey', 'pixels']);
    expect(unit.shortcuts['diameterMm']).toMatchObject({ positiveWhere: 'higher', samples: unit.samples });
    expect(Object.values(result.choices).reduce((sum, count) => sum + count, 0)).toBe(3);
  });

  it('equals itself after it was killed between two folds', async () => {
    const whole = await crossValidateFolder(options);
    const dir = join(scratch, 'killed');
    const lines = (await readFile(join(options.dir, 'folds.jsonl'), 'utf8')).split(/(?<=\n)/);
    await mkdir(dir);
    await writeFile(join(dir, 'folds.jsonl'), lines.slice(0, 2).join(''));
    expect(await crossValidateFolder({ ...options, dir })).toEqual(whole);
  });
});
