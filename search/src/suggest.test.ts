import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SearchCode } from './errors.ts';
import type { Trial } from './history.ts';
import { distinct, mixed, running, six, study } from '../test/searches.ts';
import type { Parameter, Value } from './space.ts';
import { suggest, type Algorithm, type SuggestRequest } from './suggest.ts';

const tpe: Algorithm = { kind: 'tpe', startupTrials: 3 };
const algorithms: readonly Algorithm[] = [
  { kind: 'random' },
  tpe,
  { kind: 'tpe', startupTrials: 3, multivariate: false },
];
const numberParameter = fc
  .record({
    name: fc.string({ minLength: 1 }),
    type: fc.constantFrom('double' as const, 'int' as const),
    min: fc.integer({ min: -1000, max: 1000 }),
    width: fc.integer({ min: 0, max: 1000 }),
    scale: fc.constantFrom('linear' as const, 'log' as const),
    step: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
  })
  .map(({ name, type, width, scale, step, min }): Parameter => {
    const from = scale === 'log' ? Math.abs(min) + 1 : min;
    const line = { name, type, scale, min: from, max: from + width };
    return step === undefined || scale === 'log' ? line : Object.assign(line, { step });
  });
const choiceParameter = fc.record({
  name: fc.string({ minLength: 1 }),
  type: fc.constant('choice' as const),
  values: fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 5 }),
});
const anySpace = fc.uniqueArray(fc.oneof(numberParameter, choiceParameter), {
  minLength: 1,
  maxLength: 4,
  selector: ({ name }) => name,
});
const anySeed = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('a suggestion', () => {
  test('lies within the bounds, whatever the space, the algorithm and the outcomes', () => {
    const outcome = fc.constantFrom(0.5, 1, Number.NaN, Number.NEGATIVE_INFINITY, -3);
    fc.assert(
      fc.property(
        anySpace,
        anySeed,
        fc.constantFrom(...algorithms),
        fc.array(outcome, { maxLength: 8 }),
        (space, seed, algorithm, outcomes) => {
          const history: Trial[] = [];
          for (const value of outcomes) {
            const next = suggest({ space, algorithm, seed, direction: 'minimize', history });
            if (next === undefined) break;
            for (const parameter of space)
              expect(inside(parameter, next.parameters[parameter.name])).toBe(true);
            history.push({ ...next, state: 'succeeded', value });
          }
        },
      ),
    );
  });

  test('does not depend on the order of the history', () => {
    fc.assert(
      fc.property(
        anySeed,
        fc.constantFrom(...algorithms),
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }),
        (seed, algorithm, order) => {
          const request = study({ seed, algorithm, space: mixed }, 8);
          const moved = order.map((index) => request.history[index] as Trial);
          expect(suggest({ ...request, history: moved })).toEqual(suggest(request));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('does not depend on what was asked before, and leaves its history as it is', () => {
    const request = study({ seed: 5, algorithm: tpe, space: mixed }, 8);
    const before = structuredClone(request.history);
    const first = suggest(request);
    suggest({ ...request, seed: 6 });
    expect(suggest(request)).toEqual(first);
    expect(request.history).toEqual(before);
  });

  test('is the same in every version: a change here moves the replay of searches that are under way', () => {
    const { history } = study({ seed: 7, algorithm: tpe, space: mixed }, 6);
    expect(history.map(({ parameters }) => parameters)).toMatchInlineSnapshot(`
      [
        {
          "blocks": 2,
          "dropout": 0.2,
          "optimiser": "adam",
          "rate": 0.00000709246045052,
          "units": 418,
        },
        {
          "blocks": 0,
          "dropout": 0.7,
          "optimiser": "adam",
          "rate": 0.00000180781602131,
          "units": 164,
        },
        {
          "blocks": 3,
          "dropout": 0.5,
          "optimiser": "sgd",
          "rate": 0.0460799011811,
          "units": 64,
        },
        {
          "blocks": 4,
          "dropout": 0.6,
          "optimiser": "sgd",
          "rate": 0.0575255673151,
          "units": 58,
        },
        {
          "blocks": 2,
          "dropout": 0.6,
          "optimiser": "sgd",
          "rate": 0.0281010277465,
          "units": 550,
        },
        {
          "blocks": 4,
          "dropout": 0.45,
          "optimiser": "sgd",
          "rate": 0.000611109941561,
          "units": 25,
        },
      ]
    `);
  });

  test.for(algorithms)('may have a parameter of any name ($kind)', (algorithm) => {
    const names = ['__proto__', 'constructor', 'a b'];
    const space = names.map((name) => ({ name, type: 'double', min: 1, max: 2 }) as const);
    const { history } = study({ space, algorithm, seed: 1 }, 6);
    expect(history.map(({ parameters }) => Object.keys(parameters))).toEqual(history.map(() => names));
  });

  test('has the next number, or the one that is asked for', () => {
    const request = study({ seed: 1, algorithm: tpe, space: mixed }, 4);
    expect(suggest(request)?.number).toBe(4);
    expect(suggest({ ...request, number: 9 })?.number).toBe(9);
  });

  test('comes again when a trial is lost and asked for by its number', () => {
    const request = study({ seed: 1, algorithm: { kind: 'random' }, space: mixed }, 6);
    const lost = request.history[2] as Trial;
    const rest = request.history.filter((trial) => trial !== lost);
    expect(suggest({ ...request, history: rest, number: 2 })?.parameters).toEqual(lost.parameters);
  });

  test('moves with the seed', () => {
    const request = { space: mixed, algorithm: tpe, direction: 'maximize', history: [] } as const;
    expect(suggest({ ...request, seed: 1 })).not.toEqual(suggest({ ...request, seed: 2 }));
  });

  test.for(algorithms)('is no duplicate although no trial has ended yet ($kind)', (algorithm) => {
    const history = running({ space: mixed, algorithm, seed: 3, direction: 'maximize' }, 40);
    expect(distinct(history)).toBe(40);
  });

  test.for([...algorithms, { kind: 'grid' } as const])(
    'uses up a finite space, each point once ($kind)',
    (algorithm) => {
      const history = running({ space: six, algorithm, seed: 3, direction: 'maximize' }, 7);
      expect(history).toHaveLength(6);
      expect(distinct(history)).toBe(6);
    },
  );

  test('does not try the parameters of a failed trial again', () => {
    const failed: Trial[] = [];
    for (let number = 0; number < 5; number++) {
      const made = suggest({ space: six, algorithm: tpe, seed: 3, direction: 'maximize', history: failed });
      failed.push({ number, parameters: made?.parameters ?? {}, state: 'failed' });
    }
    const next = suggest({ space: six, algorithm: tpe, seed: 3, direction: 'maximize', history: failed });
    expect(distinct([...failed, { parameters: next?.parameters ?? {} }])).toBe(6);
  });
});

describe('a request', () => {
  const trial: Trial = { number: 0, parameters: { blocks: 1, optimiser: 'adam' }, state: 'running' };
  const request: SuggestRequest = {
    space: six,
    algorithm: tpe,
    seed: 1,
    direction: 'maximize',
    history: [trial],
  };
  const mistakes: readonly {
    readonly when: string;
    readonly given: Partial<SuggestRequest>;
    readonly want: SearchCode;
  }[] = [
    { when: 'the space is not valid', given: { space: [] }, want: 'SPACE_EMPTY' },
    { when: 'the seed is below 0', given: { seed: -1 }, want: 'SEED_INVALID' },
    { when: 'the seed has a fraction', given: { seed: 0.5 }, want: 'SEED_INVALID' },
    { when: 'two trials share a number', given: { history: [trial, trial] }, want: 'NUMBER_INVALID' },
    { when: 'the number is taken', given: { number: 0 }, want: 'NUMBER_INVALID' },
    {
      when: 'a trial has a value out of bounds',
      given: { history: [{ ...trial, parameters: { blocks: 9, optimiser: 'adam' } }] },
      want: 'PARAMETERS_OUTSIDE',
    },
    {
      when: 'a trial lacks a parameter',
      given: { history: [{ ...trial, parameters: { blocks: 1 } }] },
      want: 'PARAMETERS_OUTSIDE',
    },
    {
      when: 'no candidate may be looked at',
      given: { algorithm: { kind: 'tpe', candidates: 0 } },
      want: 'OPTION_INVALID',
    },
  ];
  test.for(mistakes)('is refused when $when', ({ given, want }) => {
    expect(() => suggest({ ...request, ...given })).toThrow(expect.objectContaining({ code: want }));
  });
});

function inside(parameter: Parameter, value: Value | undefined): boolean {
  if (parameter.type === 'choice') return value !== undefined && parameter.values.includes(value);
  if (typeof value !== 'number' || value < parameter.min || value > parameter.max) return false;
  if (parameter.step !== undefined) return (value - parameter.min) % parameter.step === 0;
  return parameter.type === 'double' || Number.isInteger(value);
}
