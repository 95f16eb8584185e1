/** Cross-validation with a small logistic regression in the place of the network: who sees whom, and what a kill loses. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Crowd } from '../../test/crowd.ts';
import { scratchDir } from '../../test/scratch.ts';
import { someSettings } from '../../test/settings.ts';
import { aucRoc } from '../metrics.ts';
import { isDefined } from '../statistics/samples.ts';
import type { FitAndScore, FitJob } from '../study/fit-and-score.ts';
import type { Candidate } from '../study/settings-file.ts';
import { crossValidate, type CrossValidateOptions, type CrossValidationEvent } from './crossvalidate.ts';

const scratch = scratchDir('crossvalidate');
let folders = 0;

/** 40 patients, of whom a third have nodules of both kinds; the first of four features tells the kinds apart. */
const crowd = new Crowd({ seed: 5, patients: 40, signal: 1.2 });

const candidates: readonly Candidate[] = [
  { name: 'blind', parameters: { 'model.headUnits': 3 } },
  { name: 'able', parameters: { 'hyperparameters.learningRate': 0.005 } },
  { name: 'bound', parameters: { 'hyperparameters.learningRate': 0.005, 'model.l2': 1 } },
];

function options(changes: Partial<CrossValidateOptions> = {}): CrossValidateOptions {
  return {
    images: crowd.images,
    labels: ['benign', 'malignant'],
    positiveLabel: 'malignant',
    settings: someSettings(),
    choice: { candidates },
    seed: 11,
    folds: 4,
    repeats: 2,
    innerFolds: 3,
    fitAndScore: crowd.fitAndScore,
    facts: crowd.facts,
    resamples: 200,
    dir: join(scratch, String((folders += 1))),
    ...changes,
  };
}

/** The jobs of a cross-validation in order, beside its result. */
async function watched(changes: Partial<CrossValidateOptions> = {}) {
  const jobs: FitJob[] = [];
  const fitAndScore: FitAndScore = (job) => {
    jobs.push(job);
    return crowd.fitAndScore(job);
  };
  const result = await crossValidate(options({ ...changes, fitAndScore }));
  return { jobs, result };
}

function patientsOf(indices: readonly number[]): ReadonlySet<string> {
  return new Set(indices.map((index) => crowd.images[index]?.patient ?? ''));
}

function shared(one: ReadonlySet<string>, other: ReadonlySet<string>): readonly string[] {
  return [...one].filter((name) => other.has(name));
}

describe('cross-validation', () => {
  it('lets no network score a patient that it, or anything chosen for it, has seen', async () => {
    const { jobs } = await watched();
    // Of each of the eight folds three inner fits a candidate, then the fit that is scored.
    expect(jobs).toHaveLength(8 * (3 * 3 + 1));
    for (let start = 0; start < jobs.length; start += 10) {
      const [inner, outer] = [jobs.slice(start, start + 9), jobs[start + 9]];
      const judges = patientsOf(outer?.score ?? []);
      for (const job of [...inner, ...(outer === undefined ? [] : [outer])]) {
        expect(shared(patientsOf([...job.train, ...job.validation]), judges)).toEqual([]);
        expect(shared(patientsOf(job.train), patientsOf(job.validation))).toEqual([]);
      }
      const learnt = [...(outer?.train ?? []), ...(outer?.validation ?? []), ...(outer?.score ?? [])];
      expect(learnt.toSorted((a, b) => a - b)).toEqual([...crowd.images.keys()]);
    }
  });

  it('trains on all other patients where validation chooses no epoch', async () => {
    const settings = someSettings();
    const hyperparameters = { ...settings.hyperparameters, keepEpoch: 'last' } as const;
    const choice = { candidates: candidates.slice(1, 2) };
    const { jobs } = await watched({ choice, settings: { ...settings, hyperparameters } });
    for (const { train, score } of jobs) {
      expect([...train, ...score].toSorted((a, b) => a - b)).toEqual([...crowd.images.keys()]);
    }
  });

  it('scores every image once a repeat, and the repeats part the patients anew', async () => {
    const { jobs, result } = await watched({ choice: { candidates: candidates.slice(1, 2) } });
    expect(jobs).toHaveLength(8);
    for (const repeat of [jobs.slice(0, 4), jobs.slice(4)]) {
      const scored = repeat.flatMap(({ score }) => score).toSorted((a, b) => a - b);
      expect(scored).toEqual([...crowd.images.keys()]);
    }
    expect(jobs[0]?.score).not.toEqual(jobs[4]?.score);
    expect(result.scores).toHaveLength(crowd.images.length);
    expect(result.scores.every(({ probabilities }) => probabilities.every((p) => p > 0 && p < 1))).toBe(true);
  });

  it('chooses what the inner folds say, and tells how often', async () => {
    const { result } = await watched();
    expect(result.choices['blind']).toBe(0);
    expect(result.chosen).toHaveLength(8);
    for (const { chosen, aucRoc: outer } of result.chosen) {
      expect(chosen.innerAuc).toBeGreaterThan(0.6);
      expect(outer).toBeGreaterThan(0.5);
    }
    expect(Object.values(result.choices).reduce((sum, count) => sum + count, 0)).toBe(8);
  });

  it('does not reward the choice among many on labels that say nothing', async () => {
    const many = Array.from({ length: 12 }, (_, index) => ({
      name: `feature ${index}`,
      parameters: { 'model.headUnits': index + 1 },
    }));
    let [inside, outside] = [0, 0];
    for (let seed = 1; seed <= 8; seed += 1) {
      const { images, fitAndScore } = new Crowd({ seed, patients: 40, signal: 0, features: 24 });
      const run = async (some: readonly Candidate[]): Promise<number> =>
        meanAuc(
          await crossValidate(options({ images, fitAndScore, repeats: 1, choice: { candidates: some } })),
        );
      inside += (await run(many)) / 8;
      // What picking the best on the scores themselves would claim.
      outside += Math.max(...(await Promise.all(many.map((one) => run([one]))))) / 8;
    }
    expect(inside).toBeLessThan(0.56);
    expect(outside).toBeGreaterThan(0.6);
  });

  it('may search a space in each fold', async () => {
    const { jobs, result } = await watched({
      repeats: 1,
      choice: {
        space: [
          { name: 'hyperparameters.learningRate', type: 'double', min: 1e-4, max: 0.01, scale: 'log' },
          { name: 'model.l2', type: 'double', min: 0, max: 0.5 },
        ],
        algorithm: { kind: 'random' },
        trials: 3,
      },
    });
    expect(jobs).toHaveLength(4 * (3 * 3 + 1));
    expect(result.choices).toEqual({ search: 4 });
    expect(
      new Set(result.chosen.map(({ chosen }) => JSON.stringify(chosen.parameters))).size,
    ).toBeGreaterThan(1);
  });

  it('refuses a candidate that contradicts itself before anything is trained', async () => {
    const bad = { name: 'bad', parameters: { 'model.trainableFrom': 'block5_conv1', 'model.views': 4 } };
    const { jobs, error } = await failing({ choice: { candidates: [...candidates, bad] } });
    expect(error).toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining('candidate bad') as string,
    });
    expect(jobs).toBe(0);
  });

  it('ends where the scores of a fold are no numbers, and runs that fold again', async () => {
    const dir = join(scratch, 'diverging');
    const { error } = await failing({ dir, choice: { candidates: candidates.slice(1, 2) }, nanAt: 3 });
    expect(error).toMatchObject({ code: 'NOT_A_NUMBER' });
    expect((await readFile(join(dir, 'folds.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(3);
    const { jobs } = await watched({ dir, choice: { candidates: candidates.slice(1, 2) } });
    expect(jobs).toHaveLength(6);
  });
});

describe('its figures', () => {
  it('are of the pooled scores of a repeat, and their mean over the repeats', async () => {
    const result = await crossValidate(options());
    const { image, unit, patient } = result.levels;
    expect(image.samples).toBe(crowd.images.length);
    expect(unit.samples).toBe(new Set(crowd.images.map((one) => one.unit)).size);
    expect(patient).toMatchObject({ samples: 40, groups: 40 });
    const perRepeat = [0, 1].map((repeat) =>
      aucRoc(
        result.scores.map(({ probabilities }) => probabilities[repeat] ?? Number.NaN),
        result.scores.map(({ label }) => label === 'malignant'),
      ),
    );
    const { aucRoc: auc } = image;
    expect(auc).toMatchObject({ perRepeat });
    expect(meanAuc(result, 'image')).toBeCloseTo(((perRepeat[0] ?? 0) + (perRepeat[1] ?? 0)) / 2, 12);
    for (const level of [image, unit, patient]) {
      const { mean, interval, perFold } = isDefined(level.aucRoc) ? level.aucRoc : {};
      expect(interval).toMatchObject({ value: mean, groups: 40, resamples: 200 });
      expect(mean).toBeGreaterThan(0.7);
      expect(perFold).toMatchObject({ min: expect.any(Number) as number, sd: expect.any(Number) as number });
    }
  });

  it('are not certain where every draw of patients has the same AUC', async () => {
    const { images } = crowd;
    const rows = (score: readonly number[]): number[][] =>
      score.map((index) => (images[index]?.label === 'malignant' ? [0.1, 0.9] : [0.9, 0.1]));
    const fitAndScore: FitAndScore = ({ score }) =>
      Promise.resolve({ probabilities: rows(score), bestEpoch: 1 });
    const choice = { candidates: candidates.slice(1, 2) };
    const { levels } = await crossValidate(options({ choice, fitAndScore }));
    const { mean, interval } = isDefined(levels.image.aucRoc) ? levels.image.aucRoc : {};
    expect(mean).toBe(1);
    expect(interval?.high).toBe(1);
    expect(interval?.low).toBeGreaterThan(0.5);
    expect(interval?.low).toBeLessThan(1);
  });

  it('of a shortcut are turned in its favour, and the paired difference has an interval', async () => {
    const { unit } = (await crossValidate(options())).levels;
    const { diameterMm, small } = unit.shortcuts;
    // The crowd's diameter is larger where malignant, and `small` its negative.
    expect(diameterMm).toMatchObject({ positiveWhere: 'higher', samples: unit.samples });
    expect(small).toMatchObject({ positiveWhere: 'lower' });
    const [one, other] = [diameterMm, small].map((each) =>
      each !== undefined && isDefined(each) ? each : undefined,
    );
    expect(one?.aucRoc).toBeCloseTo(other?.aucRoc ?? 0, 12);
    expect(one?.difference).toBeCloseTo(meanOfUnit(unit) - (one?.aucRoc ?? 0), 12);
    expect(one?.interval).toMatchObject({ value: one?.difference, groups: 40 });
    expect(one?.interval).toEqual(other?.interval);
  });

  it('of a shortcut that is known of some only are of those', async () => {
    const some = new Map([...crowd.facts].filter((_, index) => index % 3 > 0));
    const { image } = (await crossValidate(options({ facts: some, repeats: 1 }))).levels;
    expect(image.shortcuts['diameterMm']).toMatchObject({ samples: some.size });
  });
});

describe('a cross-validation that is killed', () => {
  it('goes on where it was, and equals the undisturbed one', async () => {
    const undisturbed = await watched();
    for (const after of [0, 4, 9, 10, 33, 61, 79]) {
      const dir = join(scratch, `killed after ${after}`);
      const killed = await failing({ dir, dieAt: after });
      expect(killed.error).toMatchObject({ message: 'killed' });
      const { jobs, result } = await watched({ dir });
      expect(result).toEqual(undisturbed.result);
      // No more is run again than the candidate whose inner folds were under way.
      expect(jobs.length).toBeLessThanOrEqual(80 - after + 2);
    }
  });

  it('that is done trains nothing when it is asked again', async () => {
    const dir = join(scratch, 'done');
    const first = await watched({ dir });
    const again = await watched({ dir });
    expect(again.jobs).toHaveLength(0);
    expect(again.result).toEqual(first.result);
  });

  it('does not take the journal of other folds, settings or images for its own', async () => {
    const dir = join(scratch, 'other');
    await crossValidate(options({ dir, repeats: 1 }));
    for (const changes of [{ seed: 12 }, { folds: 5 }, { images: crowd.images.slice(1) }]) {
      await expect(crossValidate(options({ dir, repeats: 1, ...changes }))).rejects.toMatchObject({
        code: 'JOURNAL_DIFFERS',
      });
    }
  });

  it('tells of each fold as it ends', async () => {
    const events: CrossValidationEvent[] = [];
    await crossValidate(options({ repeats: 1, onEvent: (event) => events.push(event) }));
    const folds = events.filter((event) => event.type === 'fold');
    expect(folds.map(({ done, total }) => [done, total])).toEqual([
      [1, 4],
      [2, 4],
      [3, 4],
      [4, 4],
    ]);
    expect(
      events.filter((event) => event.type === 'inner' && event.event.type === 'trial-ended'),
    ).toHaveLength(12);
  });
});

/** A cross-validation that is killed at its n-th fit, or whose n-th fit answers NaN. */
async function failing({
  dieAt,
  nanAt,
  ...changes
}: Partial<CrossValidateOptions> & { readonly dieAt?: number; readonly nanAt?: number }) {
  let jobs = 0;
  const stop = new AbortController();
  const fitAndScore: FitAndScore = async (job) => {
    jobs += 1;
    if (jobs - 1 === dieAt) stop.abort(new Error('killed'));
    const { probabilities, bestEpoch } = await crowd.fitAndScore(job);
    if (jobs === nanAt)
      return { probabilities: probabilities.map(() => [Number.NaN, Number.NaN]), bestEpoch };
    job.signal.throwIfAborted();
    return { probabilities, bestEpoch };
  };
  try {
    await crossValidate(options({ ...changes, fitAndScore, signal: stop.signal }));
  } catch (error) {
    return { jobs, error };
  }
  throw new Error('it did not fail');
}

type Result = Awaited<ReturnType<typeof crossValidate>>;

function meanAuc({ levels }: Result, level: keyof Result['levels'] = 'unit'): number {
  return meanOfUnit(levels[level]);
}

function meanOfUnit({ aucRoc: auc }: Result['levels']['unit']): number {
  return isDefined(auc) ? auc.mean : Number.NaN;
}
