/** Studies of small functions: what is run, what stops, what is written down, and what a kill loses. */
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AshaRule, MedianRule, Parameters, Space } from '@hilum/search';
import { describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { TrainerError } from '../errors.ts';
import type { Outcome, RunningTrial, StudyEvent, StudyOptions } from './study-options.ts';
import { runStudy } from './study.ts';

const scratch = scratchDir('study');
let files = 0;

const space: Space = [
  { name: 'rate', type: 'double', min: 1e-4, max: 1, scale: 'log' },
  { name: 'layers', type: 'int', min: 1, max: 6 },
  { name: 'kind', type: 'choice', values: ['a', 'b', 'c'] },
];

const six: Space = [
  { name: 'x', type: 'int', min: 1, max: 3 },
  { name: 'y', type: 'choice', values: [true, false] },
];

/** Best at rate 0.01, three layers, kind b. */
function score({ rate, layers, kind }: Parameters): number {
  return (
    1 -
    Math.abs(Math.log10(Number(rate)) + 2) / 4 -
    Math.abs(Number(layers) - 3) / 10 -
    (kind === 'b' ? 0 : 0.1)
  );
}

/** Nears its score over nine steps; the details tell how far it came. */
async function learn({ parameters, report }: RunningTrial): Promise<Outcome> {
  const value = score(parameters);
  for (let step = 1; step <= 9; step += 1) {
    if (report(step, value * (1 - 0.5 ** step)) === 'stop') return { value: 99, steps: step };
  }
  return { value, steps: 9 };
}

function study(changes: Partial<StudyOptions> = {}): StudyOptions {
  return {
    space,
    algorithm: { kind: 'tpe', startupTrials: 4 },
    seed: 3,
    direction: 'maximize',
    trials: 12,
    objective: learn,
    journal: join(scratch, `${(files += 1)}.jsonl`),
    ...changes,
  };
}

const halving: AshaRule = { kind: 'asha', minResource: 1, maxResource: 9, reduction: 3, below: 'pause' };
const median: MedianRule = { kind: 'median', warmUpSteps: 1, minTrials: 3 };

describe('a study', () => {
  it('runs as many trials as it was asked for, and finds the best of them', async () => {
    const { trials, best } = await runStudy(study());
    expect(trials.map(({ number }) => number)).toEqual([...Array(12).keys()]);
    expect(trials.every(({ state }) => state === 'succeeded')).toBe(true);
    expect(best?.value).toBe(Math.max(...trials.map(({ value = -1 }) => value)));
    expect(best?.details).toEqual({ steps: 9 });
  });

  it('gives the same trials for the same seed, and others for another', async () => {
    const first = await runStudy(study());
    expect(await runStudy(study())).toEqual(first);
    expect((await runStudy(study({ seed: 4 }))).trials).not.toEqual(first.trials);
  });

  it('ends early where the space has nothing new', async () => {
    for (const kind of ['grid', 'random', 'tpe'] as const) {
      const { trials } = await runStudy(
        study({ space: six, algorithm: { kind }, objective: three, trials: 50 }),
      );
      expect(new Set(trials.map(({ parameters }) => JSON.stringify(parameters))).size).toBe(6);
    }
  });

  it('goes on where it ended when more trials are asked for', async () => {
    const whole = study();
    const { trials } = await runStudy({ ...whole, trials: 5 });
    const seen: number[] = [];
    const more = await runStudy({ ...whole, objective: (trial) => (seen.push(trial.number), learn(trial)) });
    expect(seen).toEqual([5, 6, 7, 8, 9, 10, 11]);
    expect(more.trials.slice(0, 5)).toEqual(trials);
    expect(more).toEqual(await runStudy(study()));
  });

  it('passes over what contradicts itself, and gives it no place', async () => {
    const { trials } = await runStudy(
      study({ space: six, algorithm: { kind: 'grid' }, objective: three, feasible: fits, trials: 5 }),
    );
    const run = trials.filter(({ state }) => state === 'succeeded');
    expect(run).toHaveLength(5);
    expect(run.every(({ parameters }) => fits(parameters))).toBe(true);
  });

  it('tells what happens in order', async () => {
    const events: StudyEvent[] = [];
    await runStudy(study({ trials: 1, objective: once, onEvent: (event) => events.push(event) }));
    expect(events).toMatchObject([
      { type: 'study', trials: 1, done: 0 },
      { type: 'trial', number: 0, why: 'new' },
      { type: 'report', number: 0, step: 1, value: 0.5 },
      { type: 'trial-ended', trial: { number: 0, value: 0.5 }, done: 1, trials: 1, best: { number: 0 } },
    ]);
  });
});

describe('a trial that fails', () => {
  it.for([
    { when: 'its value is no number', fail: async () => ({ value: Number.NaN }), code: 'NOT_A_NUMBER' },
    {
      when: 'it reports none',
      fail: async ({ report }: RunningTrial) => ({ value: report(1, Number.NaN) === 'stop' ? 1 : 2 }),
      code: 'NOT_A_NUMBER',
    },
    { when: 'it throws', fail: () => Promise.reject(new Error('of memory there is none')), code: 'INTERNAL' },
    {
      when: 'its training diverges',
      fail: () => Promise.reject(new TrainerError('NOT_A_NUMBER')),
      code: 'NOT_A_NUMBER',
    },
  ])('is kept and learnt nothing from when $when', async ({ fail, code }) => {
    const objective = (trial: RunningTrial): Promise<Outcome> =>
      trial.number === 1 ? fail(trial) : learn(trial);
    const { trials, best } = await runStudy(study({ objective }));
    expect(trials).toHaveLength(12);
    expect(trials[1]).toMatchObject({ state: 'failed', failure: { code } });
    expect(best?.number).not.toBe(1);
  });

  it('ends the study when there are more of them than may be', async () => {
    const options = study({ failedTrials: 2, objective: () => Promise.reject(new Error('out of luck')) });
    await expect(runStudy(options)).rejects.toMatchObject({
      code: 'STUDY_FAILED',
      message: '3 trials failed where 2 may; the last, 2, by INTERNAL: out of luck',
    });
    // What was spent stays spent; only a larger budget goes on.
    await expect(runStudy(options)).rejects.toMatchObject({ code: 'STUDY_FAILED' });
    expect((await runStudy({ ...options, failedTrials: 3, objective: learn })).trials).toHaveLength(12);
  });

  it('by what would meet every trial ends the study at once, and is run again', async () => {
    const options = study();
    await expect(runStudy({ ...options, objective: fullAtFour })).rejects.toMatchObject({
      code: 'DISK_FULL',
    });
    expect(await runStudy(options)).toEqual(await runStudy(study()));
  });
});

describe('early stopping', () => {
  it('by the median stops what is not worth its steps', async () => {
    const { trials, best } = await runStudy(study({ trials: 30, stopping: median }));
    const pruned = trials.filter(({ state }) => state === 'pruned');
    expect(pruned.length).toBeGreaterThan(0);
    expect(pruned.every(({ intermediate, details }) => intermediate.length === details?.['steps'])).toBe(
      true,
    );
    expect(best?.state).toBe('succeeded');
  });

  it('by halving calls up a paused trial when more have come, and runs it past its rung', async () => {
    const begun: [number, string][] = [];
    const { trials } = await runStudy(
      study({
        stopping: halving,
        trials: 27,
        onEvent: (event) => event.type === 'trial' && begun.push([event.number, event.why]),
      }),
    );
    const promoted = begun.filter(([, why]) => why === 'promoted').map(([number]) => number);
    expect(promoted.length).toBeGreaterThan(0);
    const lengths = trials.map(({ intermediate }) => intermediate.length);
    expect(new Set(lengths)).toEqual(new Set([1, 3, 9]));
    // Of 27 on the lowest rung nine go on at most, and three of those to the end, but for what was decided early.
    expect(lengths.filter((length) => length === 1).length).toBeGreaterThanOrEqual(13);
  });

  it('by halving without pauses lets the best so far go on', async () => {
    const { best } = await runStudy(study({ stopping: { ...halving, below: 'stop' }, trials: 20 }));
    expect(best?.intermediate).toHaveLength(9);
  });
});

describe('a study that is killed', () => {
  const kinds: readonly (readonly [string, Partial<StudyOptions>])[] = [
    ['tpe', {}],
    ['random', { algorithm: { kind: 'random' } }],
    ['grid', { algorithm: { kind: 'grid', points: 3 } }],
    ['the median', { stopping: median, trials: 14 }],
    ['halving', { stopping: halving, trials: 14 }],
    ['failures', { objective: unsteady, failedTrials: 12 }],
    ['contradictions', { feasible: ({ kind }) => kind !== 'c' }],
  ];

  it.for(kinds)('after any line equals the undisturbed one: %s', async ([, changes]) => {
    const whole = study(changes);
    const undisturbed = await runStudy(whole);
    const lines = (await readFile(whole.journal, 'utf8')).split(/(?<=\n)/);
    expect(lines.length).toBeGreaterThan(24);
    for (let kept = 0; kept < lines.length; kept += 1) {
      const killed = study(changes);
      await writeFile(killed.journal, lines.slice(0, kept).join(''));
      expect(await runStudy(killed)).toEqual(undisturbed);
    }
  });

  it('in the middle of a line loses that line only', async () => {
    const whole = study({ trials: 4 });
    const undisturbed = await runStudy(whole);
    const text = await readFile(whole.journal, 'utf8');
    for (let kept = 1; kept < text.length; kept += 37) {
      const killed = study({ trials: 4 });
      await writeFile(killed.journal, text.slice(0, kept));
      expect(await runStudy(killed)).toEqual(undisturbed);
    }
  });

  it('by a signal gives the reason of the signal, and runs the open trial again', async () => {
    const options = study();
    const stop = new AbortController();
    const objective = (trial: RunningTrial): Promise<Outcome> => {
      if (trial.number === 3) stop.abort(new Error('told to end'));
      return learn(trial);
    };
    await expect(runStudy({ ...options, objective, signal: stop.signal })).rejects.toThrow('told to end');
    const again: string[] = [];
    const resumed = await runStudy({
      ...options,
      onEvent: (event) => event.type === 'trial' && again.push(`${event.number} ${event.why}`),
    });
    expect(again.slice(0, 2)).toEqual(['3 interrupted', '4 new']);
    expect(resumed).toEqual(await runStudy(study()));
  });

  it('between the end of a trial and its line tells of that end once more', async () => {
    const options = study({ trials: 2 });
    const ends: number[] = [];
    const dying = async ({ number }: { readonly number: number }): Promise<void> => {
      ends.push(number);
      if (number === 1 && ends.length === 2) throw new TrainerError('TRACKING_UNREACHABLE');
    };
    await expect(runStudy({ ...options, onTrialEnd: dying })).rejects.toMatchObject({
      code: 'TRACKING_UNREACHABLE',
    });
    await runStudy({ ...options, onTrialEnd: dying });
    expect(ends).toEqual([0, 1, 1]);
  });
});

describe('several trials at a time', () => {
  it('never more than were asked for, each with parameters of its own', async () => {
    let running = 0;
    let most = 0;
    const four = Promise.withResolvers<void>();
    const objective = async (trial: RunningTrial): Promise<Outcome> => {
      running += 1;
      most = Math.max(most, running);
      if (running === 4) four.resolve();
      // The first four wait for each other; would there never be four, the test would not end.
      await four.promise;
      for (let turn = 0; turn < (trial.number * 7) % 5; turn += 1) await Promise.resolve();
      running -= 1;
      return learn(trial);
    };
    const { trials } = await runStudy(study({ parallel: 4, trials: 25, objective }));
    expect(most).toBe(4);
    expect(trials).toHaveLength(25);
    expect(new Set(trials.map(({ parameters }) => JSON.stringify(parameters))).size).toBe(25);
  });

  it('are all told to end when one of them ends the study', async () => {
    const ended: number[] = [];
    const objective = async ({ number, signal }: RunningTrial): Promise<Outcome> => {
      if (number === 2) throw new TrainerError('ENGINE_MISSING');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      ended.push(number);
      return { value: 1 };
    };
    await expect(runStudy(study({ parallel: 3, objective }))).rejects.toMatchObject({
      code: 'ENGINE_MISSING',
    });
    expect(ended).toEqual([0, 1]);
  });

  it('that were killed are all run again before a new one begins', async () => {
    const options = study({ parallel: 3, trials: 6 });
    const stop = new AbortController();
    const hanging = async ({ number, signal }: RunningTrial): Promise<Outcome> => {
      if (number === 2) stop.abort();
      else await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return { value: 1 };
    };
    await expect(runStudy({ ...options, objective: hanging, signal: stop.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    const begun: string[] = [];
    await runStudy({
      ...options,
      onEvent: (event) => event.type === 'trial' && begun.push(`${event.number} ${event.why}`),
    });
    expect(begun.slice(0, 4)).toEqual(['0 interrupted', '1 interrupted', '2 interrupted', '3 new']);
  });
});

describe('a journal', () => {
  it('of another study is refused, by the name of what differs', async () => {
    const options = study({ trials: 1, about: { dataset: 'one' } });
    await runStudy(options);
    await expect(runStudy({ ...options, seed: 9, about: { dataset: 'two' } })).rejects.toMatchObject({
      code: 'JOURNAL_DIFFERS',
      message: expect.stringContaining('(dataset, seed)') as string,
    });
  });

  it('that is damaged in its middle is refused with the line', async () => {
    const options = study({ trials: 3 });
    await runStudy(options);
    const lines = (await readFile(options.journal, 'utf8')).split('\n');
    await writeFile(options.journal, lines.with(2, '{"at":"ended"').join('\n'));
    await expect(runStudy(options)).rejects.toMatchObject({
      code: 'JOURNAL_MALFORMED',
      message: expect.stringContaining('line 3') as string,
    });
    await writeFile(options.journal, lines.with(2, '{"at":"ended","trial":0}').join('\n'));
    await expect(runStudy(options)).rejects.toMatchObject({ code: 'JOURNAL_MALFORMED' });
  });

  it('that another process writes to is left alone', async () => {
    const options = study();
    const objective = async (trial: RunningTrial): Promise<Outcome> => {
      if (trial.number === 2) await appendFile(options.journal, 'x');
      return learn(trial);
    };
    await expect(runStudy({ ...options, objective })).rejects.toMatchObject({ code: 'JOURNAL_IN_USE' });
  });
});

async function three({ parameters }: RunningTrial): Promise<Outcome> {
  return { value: Number(parameters['x']) + (parameters['y'] === true ? 0.5 : 0) };
}

function fits({ x, y }: Parameters): boolean {
  return !(x === 2 && y === true);
}

async function fullAtFour(trial: RunningTrial): Promise<Outcome> {
  if (trial.number === 4) throw new TrainerError('DISK_FULL');
  return learn(trial);
}

async function once({ report }: RunningTrial): Promise<Outcome> {
  report(1, 0.5);
  return { value: 0.5 };
}

/** Fails by its parameters, so that a trial that is run again fails again. */
async function unsteady(trial: RunningTrial): Promise<Outcome> {
  if (trial.parameters['layers'] === 2) throw new Error('two layers are too few');
  return learn(trial);
}
