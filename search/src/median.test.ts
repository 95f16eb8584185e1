import { describe, expect, test } from 'vitest';
import { trial } from '../test/searches.ts';
import { shouldStop, type MedianRule, type StopDecision } from './early-stopping.ts';
import type { Measurement, Trial } from './history.ts';

const median: MedianRule = { kind: 'median', warmUpSteps: 2, minTrials: 3 };
const three = [
  trial(0, 'succeeded', 0.5, 0.6, 0.7),
  trial(1, 'succeeded', 0.6, 0.7, 0.8),
  trial(2, 'succeeded', 0.7, 0.8, 0.9),
];

describe('median stopping', () => {
  test('stops a trial whose best value is worse than the median of the mean curves', () => {
    // The means up to step 3 are 0.6, 0.7 and 0.8.
    expect(decide(trial(9, 'running', 0.5, 0.6, 0.69))).toEqual({
      action: 'stop',
      step: 3,
      reason: 'BELOW_MEDIAN',
    });
    expect(decide(trial(9, 'running', 0.5, 0.6, 0.7))).toEqual({ action: 'continue' });
    expect(decide(trial(9, 'running', 0.71, 0.6, 0.1))).toEqual({ action: 'continue' });
  });

  test('takes the lower value when that is the direction', () => {
    const own = trial(9, 'running', 0.75, 0.75, 0.75);
    expect(shouldStop({ rule: median, direction: 'minimize', history: three, trial: own })).toMatchObject({
      action: 'stop',
    });
  });

  test('takes the mean of the two in the middle of an even number', () => {
    const four = [...three, trial(3, 'succeeded', 0.9, 0.9, 0.9)];
    expect(decide(trial(9, 'running', 0.74, 0.74, 0.74), four)).toMatchObject({ action: 'stop' });
    expect(decide(trial(9, 'running', 0.76, 0.76, 0.76), four)).toEqual({ action: 'continue' });
  });

  test('judges nobody during the warm-up', () => {
    expect(decide(trial(9, 'running', 0.1, 0.1))).toEqual({ action: 'continue' });
  });

  test('judges nobody before enough trials have succeeded and come so far', () => {
    const bad = trial(9, 'running', 0.1, 0.1, 0.1);
    expect(decide(bad, three.slice(1))).toEqual({ action: 'continue' });
    expect(decide(bad, [...three.slice(1), trial(0, 'failed', 0.5, 0.6, 0.7)])).toEqual({
      action: 'continue',
    });
    expect(decide(bad, [...three.slice(1), trial(0, 'pruned', 0.5, 0.6, 0.7)])).toEqual({
      action: 'continue',
    });
    expect(decide(bad, [...three.slice(1), trial(0, 'succeeded', 0.5, 0.6)])).toEqual({ action: 'continue' });
  });

  test('leaves measurements out that are no number', () => {
    const holes = three.map((other) => after(other, { step: 2.5, value: Number.NaN }));
    expect(decide(trial(9, 'running', 0.5, 0.6, 0.7), holes)).toEqual({ action: 'continue' });
  });

  test('counts a step that a resumed trial repeated once', () => {
    const resumed = three.map((other) =>
      after(trial(other.number, 'succeeded', -100), ...(other.intermediate ?? [])),
    );
    expect(decide(trial(9, 'running', 0.5, 0.6, 0.69), resumed)).toMatchObject({ action: 'stop' });
  });
});

function decide(own: Trial, history: readonly Trial[] = three): StopDecision {
  return shouldStop({ rule: median, direction: 'maximize', history, trial: own });
}

function after(other: Trial, ...more: readonly Measurement[]): Trial {
  return { ...other, intermediate: [...(other.intermediate ?? []), ...more] };
}
