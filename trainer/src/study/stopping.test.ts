import { shouldStop } from '@hilum/search';
import { describe, expect, it } from 'vitest';
import { someSettings } from '../../test/settings.ts';
import { stepsOf, stoppingOf } from './stopping.ts';

describe('a rule of early stopping', () => {
  it.for(['asha', 'median'] as const)('fits trials of any length: %s', (kind) => {
    for (const steps of [1, 2, 3, 8, 9, 10, 27, 200, 1000]) {
      const rule = stoppingOf(kind, steps);
      const trial = {
        number: 0,
        parameters: {},
        state: 'running',
        intermediate: [{ step: 1, value: 0.5 }],
      } as const;
      // Would throw RULE_INVALID where the rule contradicts itself.
      expect(shouldStop({ rule, direction: 'maximize', history: [], trial }).action).toBe('continue');
    }
  });

  it('compares after a ninth of the epochs, and lets the best go on', () => {
    expect(stoppingOf('asha', 27)).toEqual({
      kind: 'asha',
      minResource: 3,
      maxResource: 27,
      reduction: 3,
      below: 'stop',
    });
    expect(stoppingOf('median', 20)).toEqual({ kind: 'median', warmUpSteps: 5, minTrials: 5 });
  });
});

describe('the steps of a trial', () => {
  const settings = someSettings();

  it('are its folds, its epochs, or the most epochs that the space allows', () => {
    const name = 'hyperparameters.epochs';
    expect(stepsOf(settings, [])).toBe(4);
    expect(stepsOf(settings, [], 5)).toBe(5);
    expect(stepsOf(settings, [{ name, type: 'int', min: 2, max: 30 }])).toBe(30);
    expect(stepsOf(settings, [{ name, type: 'choice', values: [5, 50, 20] }])).toBe(50);
  });
});
