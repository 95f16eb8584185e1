/** Small searches that several tests look at. */
import { suggest, type Parameters, type Space, type SuggestRequest, type Trial } from '../src/index.ts';

export const mixed: Space = [
  { name: 'rate', type: 'double', min: 1e-6, max: 0.1, scale: 'log' },
  { name: 'units', type: 'int', min: 16, max: 1024, scale: 'log' },
  { name: 'dropout', type: 'double', min: 0, max: 0.7, step: 0.05 },
  { name: 'blocks', type: 'int', min: 0, max: 4 },
  { name: 'optimiser', type: 'choice', values: ['adam', 'sgd'] },
];
/** Six points in all. */
export const six: Space = [
  { name: 'blocks', type: 'int', min: 1, max: 3 },
  { name: 'optimiser', type: 'choice', values: ['adam', 'sgd'] },
];

/** A request after so many trials, each with an outcome that depends on its number alone. */
export function study(
  request: Pick<SuggestRequest, 'space' | 'seed' | 'algorithm'>,
  trials: number,
): SuggestRequest {
  const history: Trial[] = [];
  const made: SuggestRequest = { ...request, direction: 'maximize', history };
  for (let number = 0; number < trials; number++) {
    const next = suggest(made);
    if (next !== undefined) history.push({ ...next, state: 'succeeded', value: Math.sin(number * 7) });
  }
  return made;
}

/** Up to so many trials that all run at the same time. */
export function running(request: Omit<SuggestRequest, 'history'>, trials: number): readonly Trial[] {
  const history: Trial[] = [];
  for (let count = 0; count < trials; count++) {
    const next = suggest({ ...request, history });
    if (next !== undefined) history.push({ ...next, state: 'running' });
  }
  return history;
}

export function distinct(history: readonly { readonly parameters: Parameters }[]): number {
  return new Set(history.map(({ parameters }) => JSON.stringify(parameters))).size;
}

/** A trial with these values after steps 1, 2, …; `undefined` leaves a step out. */
export function trial(
  number: number,
  state: Trial['state'],
  ...values: readonly (number | undefined)[]
): Trial {
  const intermediate = values.flatMap((value, index) =>
    value === undefined ? [] : [{ step: index + 1, value }],
  );
  const last = values.at(-1);
  return {
    number,
    parameters: {},
    state,
    intermediate,
    ...(state === 'succeeded' && last !== undefined ? { value: last } : {}),
  };
}
