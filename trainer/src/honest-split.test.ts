/** What a run makes of the split that it is given: audited, recorded, and found again by the evaluation. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { aRecipe, aRun } from '../test/runs.ts';
import { scratchDir } from '../test/scratch.ts';
import { chooseSplit, dealSplit } from './dataset/choose-split.ts';
import { scanDataset, type Dataset } from './dataset/scan.ts';
import { readSplit, splitDigest, writeSplit } from './dataset/split-record.ts';
import { evaluate } from './evaluate.ts';
import type { TrainEvent } from './events.ts';
import { labelDataset } from './labels/label.ts';
import { labelsFrom } from './labels/table-kind.ts';
import type { TrainOptions, TrainResult } from './options.ts';
import { paramsOf } from './params.ts';
import { writePhantomStudies } from './phantom/studies.ts';
import { planRun } from './plan.ts';
import { train } from './train.ts';

const scratch = scratchDir('honest-split');
const data = join(scratch, 'phantom');
const SPLIT = { seed: 7, validationPercent: 20, testPercent: 30 };
const LIMIT_MS = 120_000;

function options(changes: Partial<TrainOptions>): Promise<TrainOptions> {
  const recipe = aRecipe({ hyperparameters: { epochs: 1 } });
  return aRun(scratch, data, { preprocessing: { inputSize: 32 }, ...recipe, ...changes });
}

let dataset: Dataset;

beforeAll(async () => {
  await writePhantomStudies({ dir: data, patients: 16, slices: 2, seed: 7 });
  dataset = await scanDataset(data);
});

describe('a run on a recorded split and a table of labels', { timeout: LIMIT_MS }, () => {
  const record = join(scratch, 'split.json');
  const table = join(scratch, 'manifest.csv');
  const events: TrainEvent[] = [];
  let sha256: string;
  let result: TrainResult;
  let labels: TrainOptions['labels'];

  beforeAll(async () => {
    const rows = dataset.images.map(
      ({ file, label, patient }, at) => `phantom/${file},${label},${patient},${5 + at},site-${at % 2}\n`,
    );
    await writeFile(table, `path,label,group,diameter_mm,site\n${rows.join('')}`);
    labels = await labelsFrom(table, data, ['site']);
    const split = dealSplit(await labelDataset(data, labels), { ...SPLIT, seed: 11 });
    sha256 = await writeSplit(record, split);
    const changes = { labels, split: { record, sha256 }, onEvent: (event: TrainEvent) => events.push(event) };
    result = await train(await options(changes));
  }, LIMIT_MS);

  it('is audited before anything else is made of the images', () => {
    const kinds = events.map(({ type }) => type);
    expect(kinds.indexOf('audit')).toBeLessThan(kinds.indexOf('features'));
    expect(events.find(({ type }) => type === 'audit')).toMatchObject({
      images: 32,
      exactAcross: 0,
      nearAcross: 0,
    });
  });

  it('puts the very record into the package, and its digest among the parameters', async () => {
    const kept = await readSplit(join(scratch, 'package/training/split.json'));
    expect(splitDigest(kept)).toBe(sha256);
    const given = await options({ ...(labels && { labels }), split: { record } });
    const labelled = await labelDataset(data, labels ?? { from: 'folders' });
    const plan = planRun(labelled, await chooseSplit(labelled, given.split), given);
    expect(paramsOf(plan, given, 'pin')).toMatchObject({
      'split.sha256': sha256,
      'split.seed': '11',
      'split.test': '0.3',
      'dataset.labelsSha256': labelled.labelsSha256,
    });
    expect(Object.values(paramsOf(plan, given, 'pin')).join()).not.toContain(scratch);
  });

  it('scores its test part, whose covariates go along', () => {
    const images = result.details?.evaluation.images ?? [];
    expect(images).not.toHaveLength(0);
    for (const { covariates } of images) {
      expect(covariates?.diameterMm).toBeGreaterThanOrEqual(5);
      expect(covariates?.columns?.['site']).toMatch(/^site-[01]$/);
    }
  });

  it('is known to an evaluation of the same patients in another folder, by other paths', async () => {
    const other = join(scratch, 'other');
    await writePhantomStudies({ dir: other, patients: 16, slices: 1, seed: 7 });
    const evaluation = await evaluate({ packageDir: join(scratch, 'package'), dataDir: other });
    expect(evaluation.part).toBe('test');
    const kept = await readSplit(record);
    for (const { patient } of evaluation.images) expect(kept.patients[patient]).toBe('test');
  });
});

describe('a run on a split that leaks', { timeout: LIMIT_MS }, () => {
  it('ends with the pair named, and computes nothing', async () => {
    const leaky = join(scratch, 'leaky');
    await writePhantomStudies({ dir: leaky, patients: 16, slices: 2, seed: 7 });
    const { sides } = dealSplit(await scanDataset(leaky), SPLIT);
    const on = (side: string): string =>
      Object.keys(sides).find((file) => sides[file] === side && file.startsWith('malignant/')) ?? '';
    await copyFile(join(leaky, on('train')), join(leaky, on('test')));
    const events: TrainEvent[] = [];
    const run = train(
      await options({ dataDir: leaky, split: SPLIT, onEvent: (event) => events.push(event) }),
    );
    await expect(run).rejects.toMatchObject({ code: 'SPLIT_LEAKS', exitCode: 65 });
    const error: unknown = await run.catch((reason: unknown) => reason);
    for (const side of ['train', 'test']) expect(String(error)).toContain(`${on(side)} (${side})`);
    expect(events.map(({ type }) => type)).toEqual(['dataset', 'audit']);
  });

  it('ends where the record is of other images', async () => {
    const record = join(scratch, 'of-others.json');
    const few = { ...dataset, images: dataset.images.slice(2) };
    await writeSplit(record, dealSplit(few, SPLIT));
    const run = train(await options({ split: { record } }));
    await expect(run).rejects.toMatchObject({ code: 'SPLIT_MALFORMED' });
  });
});
