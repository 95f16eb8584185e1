import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defined, failure, near } from '../../test/figures.ts';
import { LIDC, NO_DATA } from '../../test/lidc.ts';
import { seededRandom } from '../random.ts';
import { estimateAuc } from './auc.ts';
import type { BinarySamples } from './samples.ts';
import { shortcutBaselines, shortcutDirections } from './shortcuts.ts';
import { subgroupTable } from './subgroups.ts';

/** Two nodules per exam; the model's scores and the size know the label, the grey value does not. */
function simulate(exams: number, seed: string) {
  const random = seededRandom(seed);
  const rows = Array.from({ length: 2 * exams }, (_, row) => {
    const positive = random() < 0.5;
    const know = (weight: number) => random() + (positive ? weight : 0);
    return { group: `exam-${row >> 1}`, positive, model: know(1), size: know(0.4), grey: know(0) };
  });
  const samples: BinarySamples = {
    scores: rows.map(({ model }) => model),
    positive: rows.map(({ positive }) => positive),
    groups: rows.map(({ group }) => group),
  };
  const features = {
    size: rows.map(({ size }) => size),
    grey: rows.map(({ grey }) => grey),
    smallness: rows.map(({ size }) => -size),
  };
  return { samples, features };
}

const options = { seed: 1, resamples: 500 };

describe('shortcutBaselines', () => {
  const fit = simulate(60, 'fit');
  const test = simulate(80, 'test');
  const baselines = shortcutBaselines(shortcutDirections(fit), test, options);

  it('measures each feature on test by the direction it had in fitting, beside the model', () => {
    const size = defined(baselines['size'] ?? { notDefined: 'absent' });
    expect(size).toMatchObject({
      samples: 160,
      direction: { positiveWhere: 'higher', samples: 120 },
    });
    const auc = defined(size.auc);
    expect(auc.value).toBeGreaterThan(0.6);
    const model = defined(size.model);
    expect(model.difference).toBeCloseTo(defined(estimateAuc(test.samples, options)).value - auc.value, 12);
    expect(defined(model.bootstrap).low).toBeGreaterThan(0);
    expect(defined(model.deLong).pValue).toBeLessThan(0.001);
    // The grey value knows nothing, and the model is better than that.
    const grey = defined(defined(baselines['grey'] ?? { notDefined: 'absent' }).auc);
    expect(defined(grey.bootstrap).low).toBeLessThan(0.5);
  });

  it('gives the same figures for a feature that points down', () => {
    const size = defined(baselines['size'] ?? { notDefined: 'absent' });
    expect(baselines['smallness']).toEqual({
      ...size,
      feature: 'smallness',
      direction: { ...size.direction, positiveWhere: 'lower' },
    });
  });

  it('never turns a feature round on test, where it then is worse than a coin', () => {
    const misled = { ...fit, features: { size: fit.features.size.map((size) => -size) } };
    const turned = shortcutBaselines(
      shortcutDirections(misled),
      { ...test, features: { size: test.features.size } },
      options,
    );
    const auc = defined(defined(turned['size'] ?? { notDefined: 'absent' }).auc);
    expect(auc.value).toBeLessThan(0.4);
  });

  it('compares with the model on the samples of which the feature is known', () => {
    const size = test.features.size.map((each, row) => (row < 100 ? each : undefined));
    const partly = shortcutBaselines(shortcutDirections(fit), { ...test, features: { size } }, options);
    const baseline = defined(partly['size'] ?? { notDefined: 'absent' });
    expect(baseline.samples).toBe(100);
    const first: BinarySamples = {
      scores: test.samples.scores.slice(0, 100),
      positive: test.samples.positive.slice(0, 100),
      groups: test.samples.groups.slice(0, 100),
    };
    const [model, auc] = [defined(estimateAuc(first, options)).value, defined(baseline.auc).value];
    expect(defined(baseline.model).difference).toBeCloseTo(model - auc, 12);
  });

  it('has no baseline of a feature that is unknown in fitting, and no figures of one unknown on test', () => {
    const unknown = test.samples.scores.map(() => undefined);
    const unknownFit = fit.samples.scores.map(() => undefined);
    const got = shortcutBaselines(
      shortcutDirections({ ...fit, features: { gone: fit.features.size, dark: unknownFit } }),
      { ...test, features: { gone: unknown, fresh: test.features.size, dark: unknown } },
      options,
    );
    expect(got['dark']).toEqual({ notDefined: 'its direction is not known: there are no samples' });
    expect(got['fresh']).toEqual({ notDefined: 'its direction was not learnt' });
    expect(got['gone']).toMatchObject({
      samples: 0,
      auc: { notDefined: 'there are no samples' },
      model: { notDefined: 'there are no samples' },
    });
  });

  it('refuses a feature that is no number', () => {
    const size = test.features.size.map(() => Number.NaN);
    expect(() =>
      shortcutBaselines(shortcutDirections(fit), { ...test, features: { size } }, options),
    ).toThrow(failure('NOT_A_NUMBER'));
  });
});

describe('subgroupTable', () => {
  const { samples } = simulate(50, 'subgroups');
  const sex = samples.groups.map((_, row) => (row < 10 ? undefined : row < 40 ? 'm' : 'f'));

  it('has a row per value with its own AUC, sorted, the unknown last', () => {
    const table = subgroupTable(samples, { sex }, options);
    expect(table.map(({ attribute, value, samples, groups }) => [attribute, value, samples, groups])).toEqual(
      [
        ['sex', 'f', 60, 30],
        ['sex', 'm', 30, 15],
        ['sex', undefined, 10, 5],
      ],
    );
    const women: BinarySamples = {
      scores: samples.scores.slice(40),
      positive: samples.positive.slice(40),
      groups: samples.groups.slice(40),
    };
    expect(table[0]?.auc).toEqual(estimateAuc(women, options));
    expect(table.reduce((sum, row) => sum + row.positives, 0)).toBe(samples.positive.filter(Boolean).length);
  });

  it('has no AUC where one class is missing', () => {
    const label = samples.positive.map((positive) => (positive ? 'malignant' : 'benign'));
    for (const row of subgroupTable(samples, { label }, options)) {
      expect(row.auc).toHaveProperty('notDefined');
      expect(row.samples).toBeGreaterThan(20);
    }
  });
});

describe.skipIf(NO_DATA !== undefined)('the diameter of real nodules', () => {
  it('alone has an AUC of 0.86, with the exam interval that the facts give', async () => {
    const [head = '', ...lines] = (await readFile(join(LIDC, 'nodules.csv'), 'utf8')).trim().split('\n');
    const columns = head.split(',');
    const rows = lines.map((line) => line.trim().split(','));
    const column = (name: string) => rows.map((row) => row[columns.indexOf(name)] ?? '');
    const samples: BinarySamples = {
      scores: column('diameter_mm').map(Number),
      positive: column('label').map((label) => label === 'malignant'),
      groups: column('exam_id'),
    };
    expect(samples.scores).toHaveLength(718);
    const { value, bootstrap, deLong } = defined(estimateAuc(samples, { seed: 7 }));
    expect(value).toBeCloseTo(0.86, 2);
    const interval = { low: near(0.825, 2), high: near(0.89, 2) };
    expect(bootstrap).toMatchObject({ ...interval, groups: 394, undefinedResamples: 0 });
    expect(deLong).toMatchObject(interval);
  });
});
