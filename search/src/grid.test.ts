import { describe, expect, test } from 'vitest';
import { mixed, running, six } from '../test/searches.ts';
import type { SearchCode } from './errors.ts';
import type { Space } from './space.ts';
import { suggest, type SuggestRequest } from './suggest.ts';

describe('a grid', () => {
  const request: SuggestRequest = {
    space: six,
    algorithm: { kind: 'grid' },
    seed: 1,
    direction: 'maximize',
    history: [],
  };

  test('takes so many points of a continuous parameter, ends included, on its scale', () => {
    const space: Space = [{ name: 'rate', type: 'double', min: 1e-4, max: 1e-2, scale: 'log' }];
    const history = running({ ...request, space, algorithm: { kind: 'grid', points: 3 } }, 9);
    const rates = history.map(({ parameters }) => Number(parameters['rate'])).toSorted((a, b) => a - b);
    expect(rates).toEqual([1e-4, expect.closeTo(1e-3, 12), 1e-2]);
  });

  test('has an order that the seed mixes', () => {
    const [first, second] = [1, 2].map((seed) => running({ ...request, seed }, 6));
    expect(first).not.toEqual(second);
  });

  const mistakes: readonly {
    readonly when: string;
    readonly given: Partial<SuggestRequest>;
    readonly want: SearchCode;
  }[] = [
    { when: 'a parameter is continuous', given: { space: mixed }, want: 'GRID_CONTINUOUS' },
    {
      when: 'there are too many points',
      given: { space: [{ name: 'n', type: 'int', min: 1, max: 10_001 }] },
      want: 'GRID_TOO_LARGE',
    },
    {
      when: 'one point is asked for',
      given: { algorithm: { kind: 'grid', points: 1 } },
      want: 'OPTION_INVALID',
    },
  ];
  test.for(mistakes)('is refused when $when', ({ given, want }) => {
    expect(() => suggest({ ...request, ...given })).toThrow(expect.objectContaining({ code: want }));
  });
});
