/**
 * Our TPE beside random search and beside Optuna's TPE: the same five functions, the same number of trials, 30 seeds
 * each. Both sides are deterministic; the margins are there for another platform's last digits.
 */
import { join } from 'node:path';
import { optunaVenv, run } from '@hilum/hack';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bestTrial, suggest, type Algorithm, type Trial } from '../src/index.ts';
import { surfaces, type Surface } from './surfaces.ts';

const SEEDS = 30;
/** Ours has at most so much of the shortfall of random search, on every function. */
const OF_RANDOM = 0.65;
/** At most so much of the shortfall of Optuna's TPE, of its two kinds the better, on every function. */
const OF_OPTUNA = 1.15;

const study = z.object({
  value: z.number(),
  parameters: z.record(z.string(), z.union([z.number(), z.string()])),
});
const answer = z.record(
  z.string(),
  z.object({ random: z.array(study), univariate: z.array(study), multivariate: z.array(study) }),
);

describe('beside Optuna', () => {
  let optuna: z.infer<typeof answer>;
  let found: readonly { readonly surface: Surface; readonly ours: Shortfalls; readonly peer: Shortfalls }[];
  beforeAll(async () => {
    const { python } = await optunaVenv();
    const script = join(import.meta.dirname, 'optuna_yardstick.py');
    const { stdout } = await run(python, [script, String(SEEDS)], { timeoutMs: 600_000 });
    optuna = answer.parse(JSON.parse(stdout));
    found = surfaces.map((surface) => ({ surface, ours: ours(surface), peer: peer(surface, optuna) }));
  }, 900_000);

  test.for(surfaces)('$name: both sides have the same function', ({ name, evaluate }) => {
    const studies = Object.values(optuna[name] ?? {}).flat();
    expect(studies).toHaveLength(3 * SEEDS);
    for (const { value, parameters } of studies) expect(evaluate(parameters)).toBeCloseTo(value, 9);
  });

  test.for(surfaces)('$name: TPE finds better than random search, and as good as Optuna does', (surface) => {
    const { ours, peer } = found.find((entry) => entry.surface === surface) ?? NOTHING;
    expect(ours.multivariate / ours.random).toBeLessThanOrEqual(OF_RANDOM);
    expect(ours.univariate / ours.random).toBeLessThanOrEqual(OF_RANDOM);
    expect(ours.multivariate / Math.min(peer.univariate, peer.multivariate)).toBeLessThanOrEqual(OF_OPTUNA);
    // Else the two sides would not be measured by the same rod.
    expect(ours.random / peer.random).toBeGreaterThan(0.75);
    expect(ours.random / peer.random).toBeLessThan(1.33);
  });

  test.for(surfaces)(
    '$name: TPE finds better than random search with four trials running at a time',
    (surface) => {
      const four = shortfall(surface, bestValues(surface, { kind: 'tpe' }, 4));
      const { ours } = found.find((entry) => entry.surface === surface) ?? NOTHING;
      expect(four / ours.random).toBeLessThanOrEqual(OF_RANDOM + 0.1);
    },
  );

  test('over the five functions together TPE is no worse than Optuna, also with each parameter by itself', () => {
    const together = found.map(({ ours, peer }) => ours.multivariate / peer.multivariate);
    const alone = found.map(({ ours, peer }) => ours.univariate / peer.univariate);
    expect(geometricMean(together)).toBeLessThanOrEqual(1);
    expect(geometricMean(alone)).toBeLessThanOrEqual(1);
  });
});

/** How far the best values are from the lowest there is, in the mean over the seeds. */
interface Shortfalls {
  readonly random: number;
  readonly univariate: number;
  readonly multivariate: number;
}

const none: Shortfalls = { random: Number.NaN, univariate: Number.NaN, multivariate: Number.NaN };
const NOTHING = { ours: none, peer: none };

function ours(surface: Surface): Shortfalls {
  const of = (algorithm: Algorithm): number => shortfall(surface, bestValues(surface, algorithm));
  return {
    random: of({ kind: 'random' }),
    univariate: of({ kind: 'tpe', multivariate: false }),
    multivariate: of({ kind: 'tpe' }),
  };
}

function peer(surface: Surface, optuna: z.infer<typeof answer>): Shortfalls {
  const of = (kind: keyof Shortfalls): number =>
    shortfall(surface, optuna[surface.name]?.[kind].map(({ value }) => value) ?? []);
  return { random: of('random'), univariate: of('univariate'), multivariate: of('multivariate') };
}

/** The best value of every seed. */
function bestValues(surface: Surface, algorithm: Algorithm, workers = 1): readonly number[] {
  const { space, trials, evaluate } = surface;
  return Array.from({ length: SEEDS }, (_, seed) => {
    const history: Trial[] = [];
    for (let trial = 0; trial < trials + workers; trial++) {
      // A worker asks when the trial that started `workers` trials ago has ended.
      const ended = history[trial - workers];
      if (ended !== undefined) history[trial - workers] = succeeded(ended, evaluate(ended.parameters));
      const next =
        trial < trials ? suggest({ space, algorithm, seed, direction: 'minimize', history }) : undefined;
      if (next !== undefined) history.push({ ...next, state: 'running' });
    }
    return bestTrial({ direction: 'minimize', history })?.value ?? Number.NaN;
  });
}

function shortfall({ lowest }: Surface, best: readonly number[]): number {
  return best.reduce((sum, value) => sum + value - lowest, 0) / best.length;
}

function succeeded(trial: Trial, value: number): Trial {
  return { ...trial, state: 'succeeded', value };
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
