import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { trial } from '../test/searches.ts';
import {
  promotion,
  rungs,
  shouldStop,
  type AshaRule,
  type MedianRule,
  type Promotion,
  type StopDecision,
} from './early-stopping.ts';
import type { Trial } from './history.ts';

/** The rungs of the toy example of Li et al. 2020 (figure 1): r = 1, R = 9, η = 3. */
const asha: AshaRule = { kind: 'asha', minResource: 1, maxResource: 9, reduction: 3, below: 'pause' };
const median: MedianRule = { kind: 'median', warmUpSteps: 2, minTrials: 3 };

describe('rungs', () => {
  test('are the powers of the reduction up to the full length', () => {
    expect(rungs(asha)).toEqual([1, 3, 9]);
    expect(rungs({ ...asha, minResource: 4, maxResource: 256, reduction: 4 })).toEqual([4, 16, 64, 256]);
  });

  test('end at the full length when no power meets it', () => {
    expect(rungs({ ...asha, maxResource: 20 })).toEqual([1, 3, 9, 20]);
    expect(rungs({ ...asha, maxResource: 1 })).toEqual([1]);
  });
});

describe('promotion', () => {
  test('waits until a rung has as many trials as the reduction', () => {
    expect(next([trial(0, 'paused', 5), trial(1, 'paused', 4)])).toBeUndefined();
    expect(next([trial(0, 'paused', 5), trial(1, 'paused', 4), trial(2, 'paused', 6)])).toEqual({
      number: 1,
      untilStep: 3,
    });
  });

  test('plays the published algorithm over nine trials on one worker', () => {
    // Losses at steps 1, 3 and 9 of each trial, by hand; the table of jobs follows from get_job of algorithm 2.
    const losses: Readonly<Record<number, readonly number[]>> = {
      0: [9, 8, 7],
      1: [3, 2.5, 2],
      2: [7, 6, 5],
      3: [5, 4, 3],
      4: [2, 1.5, 1],
      5: [8, 7, 6],
      6: [4, 3, 2.5],
      7: [6, 5, 4],
      8: [1, 0.9, 0.8],
    };
    const reached = new Map<number, number>();
    const jobs: string[] = [];
    let started = 0;
    for (let job = 0; job < 13; job++) {
      const history = [...reached].map(([number, step]): Trial => {
        const [one, three, nine] = losses[number] ?? [];
        if (step === 1) return trial(number, 'paused', one);
        if (step === 3) return trial(number, 'paused', one, undefined, three);
        return Object.assign(trial(number, 'succeeded', one, undefined, three), { value: nine });
      });
      const up = next(history);
      const number = up?.number ?? started++;
      if (number > 8) break;
      reached.set(number, up?.untilStep ?? 1);
      jobs.push(`${number}→${up?.untilStep ?? 1}`);
    }
    // After 0, 1, 2 trial 1 is the best of three. 3 and 4 start; with five on the rung one place is taken by 4,
    // which is now its best. After 6 the rung has two places, 4 and 1: both are promoted. Of nine it has three
    // places, and 8 goes up; then the second rung has three trials, and its best, 8, goes to the end.
    expect(jobs).toEqual([
      '0→1',
      '1→1',
      '2→1',
      '1→3',
      '3→1',
      '4→1',
      '4→3',
      '5→1',
      '6→1',
      '7→1',
      '8→1',
      '8→3',
      '8→9',
    ]);
  });

  test('looks at the highest rung first', () => {
    const low = [trial(0, 'paused', 1), trial(1, 'paused', 9), trial(2, 'paused', 9)];
    const high = [3, 4, 5].map((number) => trial(number, 'paused', 0.5, 0.5, number));
    expect(next([...low, ...high])).toEqual({ number: 3, untilStep: 9 });
  });

  test('takes the higher value when that is the direction', () => {
    const history = [trial(0, 'paused', 0.7), trial(1, 'paused', 0.9), trial(2, 'paused', 0.8)];
    expect(promotion({ rule: asha, direction: 'maximize', history })?.number).toBe(1);
  });

  test('passes over a trial that failed, and one whose value is no number', () => {
    const history = [
      trial(0, 'failed', 1),
      trial(1, 'paused', Number.NaN),
      trial(2, 'paused', 4),
      trial(3, 'paused', 5),
    ];
    expect(next(history)).toBeUndefined();
    expect(next([...history, trial(4, 'paused', 6)])).toEqual({ number: 2, untilStep: 3 });
  });

  test('does not depend on the order of the history', () => {
    const history = [5, 3, 3, 7, 9, 1, 4].map((value, number) => trial(number, 'paused', value));
    fc.assert(
      fc.property(fc.shuffledSubarray(history, { minLength: history.length }), (moved) => {
        expect(next(moved)).toEqual({ number: 5, untilStep: 3 });
      }),
    );
  });
});

describe('successive halving', () => {
  const rung = [trial(0, 'paused', 0.6), trial(1, 'paused', 0.7), trial(2, 'paused', 0.8)];

  test('pauses a trial that is below its rung, and lets the best go on without a pause', () => {
    expect(decide(trial(3, 'running', 0.75), rung)).toEqual({
      action: 'pause',
      step: 1,
      reason: 'BELOW_RUNG',
    });
    expect(decide(trial(3, 'running', 0.85), rung)).toEqual({ action: 'continue' });
  });

  test('stops instead where trials cannot be resumed, and the best so far always goes on', () => {
    const rule: AshaRule = { ...asha, below: 'stop' };
    expect(decide(trial(3, 'running', 0.75), rung, rule)).toMatchObject({ action: 'stop' });
    expect(decide(trial(0, 'running', 0.5), [], rule)).toEqual({ action: 'continue' });
    expect(decide(trial(0, 'running', 0.5), [], asha)).toMatchObject({ action: 'pause' });
  });

  test('says nothing before the first rung, and nothing at the full length', () => {
    const late: AshaRule = { ...asha, minResource: 2 };
    expect(decide(trial(3, 'running', 0.1), rung, late)).toEqual({ action: 'continue' });
    expect(decide(trial(3, 'running', ...Array.from({ length: 9 }, () => 0.1)), rung)).toEqual({
      action: 'continue',
    });
  });

  test('judges by the value at the rung, not by a later one', () => {
    expect(decide(trial(3, 'running', 0.9, 0.1), rung)).toEqual({ action: 'continue' });
    expect(decide(trial(3, 'running', 0.1, 0.9), rung)).toMatchObject({ action: 'pause', step: 1 });
  });

  test('judges by the first measurement after the rung where none falls on it', () => {
    expect(decide(trial(3, 'running', undefined, 0.9), rung)).toEqual({ action: 'continue' });
  });

  test('does not take back what was decided when fewer trials were known', () => {
    const own = trial(3, 'running', 0.75, 0.76);
    expect(decide(own, rung, asha, 1)).toEqual({ action: 'continue' });
    expect(decide(trial(3, 'running', 0.75, 0.76, 0.5), rung, asha, 1)).toMatchObject({
      action: 'pause',
      step: 3,
    });
  });

  test('counts itself once when the history holds an older state of it', () => {
    const two = [trial(0, 'paused', 0.6), trial(1, 'paused', 0.7)];
    const own = trial(2, 'running', 0.9);
    expect(decide(own, [...two, trial(2, 'running')])).toEqual(decide(own, two));
    expect(decide(own, [...two, own])).toEqual(decide(own, two));
  });

  test('leaves a trial that failed out of its rung', () => {
    const failed = trial(9, 'failed', 0.99);
    expect(decide(trial(3, 'running', 0.85), [...rung, failed])).toEqual({ action: 'continue' });
  });
});

describe('any rule', () => {
  test.for([asha, median])('stops a trial that has diverged ($kind)', (rule) => {
    const own = trial(0, 'running', 0.5, Number.NaN);
    expect(shouldStop({ rule, direction: 'maximize', history: [], trial: own })).toEqual({
      action: 'stop',
      step: 2,
      reason: 'NOT_A_NUMBER',
    });
  });

  test.for([asha, median])('lets a trial go on that has reported nothing ($kind)', (rule) => {
    const own = trial(0, 'running');
    expect(shouldStop({ rule, direction: 'maximize', history: [], trial: own })).toEqual({
      action: 'continue',
    });
  });

  test.for([
    { ...asha, reduction: 1 },
    { ...asha, minResource: 0 },
    { ...asha, minResource: 10 },
    { ...asha, maxResource: 9.5 },
    { ...median, minTrials: 0 },
    { ...median, warmUpSteps: -1 },
  ])('is refused when it contradicts itself', (rule) => {
    const ask = () => shouldStop({ rule, direction: 'maximize', history: [], trial: trial(0, 'running', 1) });
    expect(ask).toThrow(expect.objectContaining({ code: 'RULE_INVALID' }));
  });
});

function next(history: readonly Trial[]): Promotion | undefined {
  return promotion({ rule: asha, direction: 'minimize', history });
}

function decide(own: Trial, history: readonly Trial[], rule = asha, decidedThrough = 0): StopDecision {
  return shouldStop({ rule, direction: 'maximize', history, trial: own, decidedThrough });
}
