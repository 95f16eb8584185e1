/** Rules of early stopping that fit the length of a trial. Pure. */
import type { AshaRule, MedianRule, Space } from '@hilum/search';
import type { Settings } from './variables.ts';

/**
 * - `asha`: of the trials that came to a ninth of the steps a third goes on, of those that came to a third again one in
 *   three. Trials in one process are not paused: the best so far goes on, all others end.
 * - `median`: after a quarter of the steps, and five trials that have ended.
 *
 * @param steps of a trial that nothing stops
 */
export function stoppingOf(kind: 'asha' | 'median', steps: number): AshaRule | MedianRule {
  if (kind === 'median') return { kind, warmUpSteps: Math.floor(steps / 4), minTrials: 5 };
  return {
    kind,
    minResource: Math.max(1, Math.floor(steps / 9)),
    maxResource: steps,
    reduction: 3,
    below: 'stop',
  };
}

/** The most steps that a trial can have: its folds, or the most epochs that the space allows. */
export function stepsOf(settings: Settings, space: Space, folds = 0): number {
  if (folds > 1) return folds;
  const epochs = space.find(({ name }) => name === 'hyperparameters.epochs');
  if (epochs === undefined) return settings.hyperparameters.epochs;
  return epochs.type === 'choice' ? Math.max(...epochs.values.map(Number)) : epochs.max;
}
