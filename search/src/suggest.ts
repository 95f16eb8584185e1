/** The next trial of a search, as a function of the space, the seed and what is known so far. */
import { axes, type Axis } from './axis.ts';
import { SearchError } from './errors.ts';
import { grid } from './grid.ts';
import { checkParameters, isWord, keyOf, sorted, type Direction, type Trial } from './history.ts';
import { PURPOSE, Random } from './random.ts';
import { checkSpace, type Parameters, type Space } from './space.ts';
import { spread } from './spread.ts';
import { divide, tpe } from './tpe.ts';
import { unseen } from './unseen.ts';

export type Algorithm =
  | { readonly kind: 'random' }
  | {
      readonly kind: 'grid';
      /** Values of every continuous parameter, evenly on its scale, ends included. */
      readonly points?: number;
    }
  | {
      readonly kind: 'tpe';
      /** Trials spread over the space before anything is learnt from them. Default 10. */
      readonly startupTrials?: number;
      /** Places looked at for one suggestion. Default 24. */
      readonly candidates?: number;
      /** Whether parameters are seen together (the default) or each by itself. */
      readonly multivariate?: boolean;
    };

export interface SuggestRequest {
  readonly space: Space;
  readonly algorithm: Algorithm;
  /** From 0 to 2^32 - 1. */
  readonly seed: number;
  readonly direction: Direction;
  /** In any order, running trials included. */
  readonly history: readonly Trial[];
  /** The number of the new trial. Default: one above the highest of the history. */
  readonly number?: number;
}

export interface Suggestion {
  readonly number: number;
  readonly parameters: Parameters;
}

/**
 * The same request gives the same suggestion, in any process and whatever was asked before.
 *
 * @returns `undefined` when a finite space, or the grid, has nothing left that no trial has had
 * @throws SearchError when the space, an option or the history is not valid
 */
export function suggest(request: SuggestRequest): Suggestion | undefined {
  const { space, algorithm, seed } = request;
  checkSpace(space);
  if (!isWord(seed)) throw new SearchError('SEED_INVALID', String(seed));
  const history = sorted(request.history);
  const number = request.number ?? (history.at(-1)?.number ?? -1) + 1;
  if (!isWord(number) || history.some((trial) => trial.number === number)) {
    throw new SearchError('NUMBER_INVALID', String(number));
  }
  const lines = axes(space);
  checkParameters(lines, history);
  const parameters = choose({ ...request, history, number }, lines, algorithm);
  return parameters === undefined ? undefined : { number, parameters };
}

function choose(
  request: SuggestRequest & { readonly number: number },
  lines: readonly Axis[],
  algorithm: Algorithm,
): Parameters | undefined {
  const { seed, number, history } = request;
  const seen = new Set(history.map((trial) => keyOf(lines, trial.parameters)));
  const isNew = (parameters: Parameters): boolean => !seen.has(keyOf(lines, parameters));
  if (algorithm.kind === 'grid') return grid(lines, algorithm.points, seed).find(isNew);
  const anywhere = (): Parameters | undefined =>
    unseen(lines, isNew, new Random(seed, number, PURPOSE.anywhere));
  if (algorithm.kind === 'random') return anywhere();

  const { startupTrials = 10, candidates = 24, multivariate = true } = algorithm;
  if (!isWord(startupTrials) || !isWord(candidates) || candidates === 0) {
    throw new SearchError(
      'OPTION_INVALID',
      'startupTrials and candidates are whole numbers, candidates above 0',
    );
  }
  const trials = divide(request.direction, history);
  const known = trials.good.length + trials.bad.filter(({ state }) => state !== 'running').length;
  if (known === 0 || history.length < startupTrials) {
    const first = spread(lines, seed, number);
    return isNew(first) ? first : anywhere();
  }
  const random = new Random(seed, number, PURPOSE.model);
  return tpe(lines, trials, { candidates, multivariate }, random).find(isNew) ?? anywhere();
}
