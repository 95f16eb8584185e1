import { describe, expect, test } from 'vitest';
import { trial } from '../test/searches.ts';
import { bestTrial, type Trial } from './history.ts';

describe('the best trial', () => {
  const history = [trial(4, 'succeeded', 0.9), trial(1, 'succeeded', 0.9), trial(2, 'succeeded', 0.1)];

  test('is the first of equals, by the direction', () => {
    expect(bestTrial({ direction: 'maximize', history })?.number).toBe(1);
    expect(bestTrial({ direction: 'minimize', history })?.number).toBe(2);
  });

  test('has succeeded with a finite value', () => {
    const strange: Trial[] = [
      { number: 0, parameters: {}, state: 'failed', value: 5 },
      { number: 1, parameters: {}, state: 'succeeded', value: Number.NaN },
      { number: 2, parameters: {}, state: 'pruned', value: 5 },
      { number: 3, parameters: {}, state: 'succeeded' },
    ];
    expect(bestTrial({ direction: 'maximize', history: strange })).toBeUndefined();
  });
});
