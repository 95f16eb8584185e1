/** A search by the real network on real nodules: what is shared, what is logged, what a kill loses. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { beforeAll, describe, expect, it } from 'vitest';
import { lidcSubset, NO_DATA } from '../../test/lidc.ts';
import { scratchDir } from '../../test/scratch.ts';
import { someSettings } from '../../test/settings.ts';
import { chooseSplit } from '../dataset/choose-split.ts';
import { scanDataset } from '../dataset/scan.ts';
import { planRun, type Plan } from '../plan.ts';
import { openWorkbench, type Workbench } from '../workbench.ts';
import type { SearchOptions } from './search-options.ts';
import { searchSettings, type SearchHooks } from './search-settings.ts';
import { parseSpace } from './settings-file.ts';

const scratch = scratchDir('search');

const space = parseSpace(
  `
- { name: hyperparameters.learningRate, type: double, min: 0.0005, max: 0.05, scale: log }
- { name: model.taps, type: choice, values: [[block1_conv2], [block1_conv2, block2_conv2]] }
- { name: model.dropout, type: double, min: 0, max: 0.5 }
`,
  'space.yaml',
);

describe.skipIf(NO_DATA !== undefined)(`a search on real nodules ${NO_DATA ?? ''}`, () => {
  let plan: Plan;
  let bench: Workbench;

  beforeAll(async () => {
    const dir = join(scratch, 'data');
    await lidcSubset(dir, 40);
    const dataset = await scanDataset(dir);
    const split = await chooseSplit(dataset, { seed: 7, validationPercent: 30, testPercent: 20 });
    plan = planRun(dataset, split, someSettings());
    const baseWeights = await baseWeightsPath();
    bench = await openWorkbench(plan, { baseWeights, cacheDir: join(scratch, 'features'), now: () => 0 });
  });

  function search(name: string, changes: Partial<SearchOptions> = {}, hooks: SearchHooks = {}) {
    const journal = join(scratch, `${name}.jsonl`);
    const asked = { space, algorithm: { kind: 'tpe' }, seed: 3, trials: 4, journal, ...changes } as const;
    return searchSettings(bench, plan, someSettings(), asked, hooks);
  }

  it('finds the settings of the best trial, and computes the features of each kind once', async () => {
    const log: string[] = [];
    const computed: number[] = [];
    const found = await search(
      'whole',
      {},
      {
        onFeatures: ({ images, totalImages, cached }) => {
          if (images === totalImages) computed.push(totalImages - cached);
        },
        trialLog: {
          started: async ({ number }) => void log.push(`start ${number}`),
          epoch: async (number, { epoch }) => void log.push(`epoch ${number}.${epoch}`),
          ended: async ({ number, state }) => void log.push(`${state} ${number}`),
        },
      },
    );
    expect(found.trials.map(({ state }) => state)).toEqual(Array(4).fill('succeeded'));
    expect(found.best.value).toBe(Math.max(...found.trials.map(({ value = 0 }) => value)));
    expect(found.settings.model.taps).toEqual(String(found.best.parameters['model.taps']).split(','));
    expect(found.settings.hyperparameters).toEqual({
      ...someSettings().hyperparameters,
      learningRate: found.best.parameters['hyperparameters.learningRate'],
    });
    const kinds = new Set(found.trials.map(({ parameters }) => parameters['model.taps']));
    expect(kinds.size).toBe(2);
    expect(new Set(computed)).toEqual(new Set([plan.dataset.images.length]));
    expect(log.filter((line) => line.endsWith(' 0') || line.includes(' 0.'))).toEqual([
      'start 0',
      ...[1, 2, 3, 4].map((epoch) => `epoch 0.${epoch}`),
      'succeeded 0',
    ]);
  });

  it('that was killed in its third trial gives the same as the one that was not', async () => {
    const lines = (await readFile(join(scratch, 'whole.jsonl'), 'utf8')).split(/(?<=\n)/);
    await writeFile(join(scratch, 'killed.jsonl'), lines.slice(0, 6).join(''));
    const [whole, resumed] = [await search('whole'), await search('killed')];
    expect(resumed).toEqual(whole);
  });

  it('stops trials early by halving, by their epochs', async () => {
    const stopping = { kind: 'asha', minResource: 1, maxResource: 4, reduction: 2, below: 'stop' } as const;
    const { trials } = await search('halving', { stopping });
    const lengths = trials.map(({ intermediate }) => intermediate.length);
    expect(Math.min(...lengths)).toBeLessThan(4);
    expect(Math.max(...lengths)).toBe(4);
  });

  it('by folds trains on all but the test part, whose labels it does not feel', async () => {
    const { train, validation, test } = plan.parts;
    const valueWith = async (turned: readonly number[], name: string): Promise<number | undefined> => {
      const classes = plan.classes.map((label, index) => (turned.includes(index) ? 1 - label : label));
      const journal = join(scratch, `folds ${name}.jsonl`);
      const asked = { space, algorithm: { kind: 'random' }, seed: 3, trials: 1, folds: 3, journal } as const;
      const { best } = await searchSettings({ ...bench, classes }, plan, someSettings(), asked);
      expect(best.intermediate).toHaveLength(3);
      return best.value;
    };
    const value = await valueWith([], 'as they are');
    expect(await valueWith(test, 'test turned')).toBe(value);
    expect(await valueWith(train, 'train turned')).not.toBe(value);
    expect(await valueWith(validation, 'validation turned')).not.toBe(value);
  });

  it('refuses the journal of another split', async () => {
    const split = await chooseSplit(plan.dataset, { seed: 8, validationPercent: 30, testPercent: 20 });
    const other = planRun(plan.dataset, split, someSettings());
    const asked = {
      space,
      algorithm: { kind: 'tpe' },
      seed: 3,
      trials: 4,
      journal: join(scratch, 'whole.jsonl'),
    } as const;
    await expect(searchSettings(bench, other, someSettings(), asked)).rejects.toMatchObject({
      code: 'JOURNAL_DIFFERS',
      message: expect.stringContaining('(split)') as string,
    });
  });

  it('refuses a journal when an image is another one than it was', async () => {
    const [first] = plan.dataset.images;
    const path = join(plan.dataset.dir, first?.file ?? '');
    const bytes = await readFile(path);
    // The subset is of links to the real files; this one becomes a file of its own.
    await rm(path);
    await writeFile(path, Buffer.concat([bytes, Buffer.alloc(1)]));
    await expect(search('whole')).rejects.toMatchObject({
      code: 'JOURNAL_DIFFERS',
      message: expect.stringContaining('(images)') as string,
    });
  });
});
