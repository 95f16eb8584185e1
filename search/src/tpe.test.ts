import { describe, expect, test } from 'vitest';
import { running } from '../test/searches.ts';
import type { Direction, Trial } from './history.ts';
import type { Space } from './space.ts';
import { suggest, type Algorithm } from './suggest.ts';

const tpe: Algorithm = { kind: 'tpe', startupTrials: 3 };
const line: Space = [{ name: 'x', type: 'double', min: 0, max: 1 }];
const even = Array.from({ length: 20 }, (_, index) => (index + 0.5) / 20);

describe('TPE', () => {
  test('goes to where the good trials are, by the direction', () => {
    const history = even.map((x, number) => at(number, x, { value: x }));
    expect(nextX(history, 'minimize')).toBeLessThan(0.3);
    expect(nextX(history, 'maximize')).toBeGreaterThan(0.7);
  });

  test('learns nothing from failures, and nothing from a value that is no finite number', () => {
    const history = even.map((x, number) => at(number, x, { value: x }));
    const strange: readonly Partial<Trial>[] = [
      { state: 'failed', value: -99 },
      { value: Number.NaN },
      { value: Number.NEGATIVE_INFINITY },
      { state: 'stopped' },
      {},
    ];
    const withStrange = strange.map((rest, index) => at(20 + index, 0.9 + index / 100, rest));
    const request = { space: line, algorithm: tpe, seed: 1, direction: 'minimize', number: 30 } as const;
    expect(suggest({ ...request, history: [...history, ...withStrange] })).toEqual(
      suggest({ ...request, history }),
    );
  });

  test('learns from trials that were stopped early: they rank after all that ended', () => {
    const ended = even.slice(10).map((x, number) => at(number, x, { value: 1 - x }));
    const stopped = even
      .slice(0, 10)
      .map((x, index) => at(10 + index, x, { state: 'pruned', intermediate: [{ step: 1, value: -1 }] }));
    expect(nextX([...ended, ...stopped], 'minimize')).toBeGreaterThan(0.5);
  });

  test('keeps away from a trial that is still running', () => {
    const history = even.map((x, number) => at(number, x, { value: (x - 0.5) ** 2 }));
    const alone = nextX(history, 'minimize');
    const busy = [alone - 0.01, alone, alone + 0.01].map((x, index) =>
      at(21 + index, x, { state: 'running' }),
    );
    const request = { space: line, algorithm: tpe, seed: 1, direction: 'minimize', number: 20 } as const;
    const next = Number(suggest({ ...request, history: [...history, ...busy] })?.parameters['x']);
    expect(Math.abs(next - alone)).toBeGreaterThan(0.02);
  });

  test('goes on spreading while no trial has ended', () => {
    const history = running({ space: line, algorithm: tpe, seed: 2, direction: 'minimize' }, 12);
    const places = history.map(({ parameters }) => Number(parameters['x'])).toSorted((a, b) => a - b);
    const gaps = places.map((x, index) => x - (places[index - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(0.2);
  });
});

function at(number: number, x: number, rest: Partial<Trial>): Trial {
  return { number, parameters: { x }, state: 'succeeded', ...rest };
}

function nextX(history: readonly Trial[], direction: Direction): number {
  return Number(suggest({ space: line, algorithm: tpe, seed: 1, direction, history })?.parameters['x']);
}
