/** Tree-structured Parzen estimator: where good trials are dense and bad ones are not. */
import type { Axis } from './axis.ts';
import { byValue, measurements, outcome, type Direction, type Trial } from './history.ts';
import { draw, logDensity, mixture } from './parzen.ts';
import type { Random } from './random.ts';
import type { Parameters } from './space.ts';

export interface TpeOptions {
  readonly candidates: number;
  readonly multivariate: boolean;
}

/** Candidates, the most promising first. */
export function tpe(
  axes: readonly Axis[],
  trials: { readonly good: readonly Trial[]; readonly bad: readonly Trial[] },
  options: TpeOptions,
  random: Random,
): readonly Parameters[] {
  const groups = options.multivariate ? [axes] : axes.map((axis) => [axis]);
  const parts = groups.map((group) => {
    const good = mixture(group, trials.good.map(parametersOf));
    const bad = mixture(group, trials.bad.map(parametersOf));
    return Array.from({ length: options.candidates }, () => draw(good, random))
      .map((candidate) => ({ candidate, gain: logDensity(good, candidate) - logDensity(bad, candidate) }))
      .toSorted((a, b) => b.gain - a.gain);
  });
  // By entries: assigning would lose a parameter of the name `__proto__`.
  return Array.from({ length: options.candidates }, (_, rank) =>
    Object.fromEntries(parts.flatMap((part) => Object.entries(part[rank]?.candidate ?? {}))),
  );
}

/**
 * Which trials are models to follow and which to keep away from.
 *
 * The best tenth is good. A trial that was stopped early has a rank after all that succeeded: by how far it came, then
 * by its last value. A running one is taken as bad (a constant liar), so that workers that ask at the same time are
 * not sent to one place.
 */
export function divide(
  direction: Direction,
  history: readonly Trial[],
): { readonly good: readonly Trial[]; readonly bad: readonly Trial[] } {
  const ranked = [...finished(direction, history), ...stoppedEarly(direction, history)];
  const good = new Set(ranked.slice(0, Math.min(25, Math.ceil(0.1 * ranked.length))));
  const known = new Set(ranked);
  const bad = history.filter((trial) => (known.has(trial) || trial.state === 'running') && !good.has(trial));
  return { good: history.filter((trial) => good.has(trial)), bad };
}

function finished(direction: Direction, history: readonly Trial[]): readonly Trial[] {
  const order = byValue(direction);
  return history
    .flatMap((trial) => {
      const value = outcome(trial);
      return value === undefined ? [] : [{ trial, value }];
    })
    .toSorted((a, b) => order(a.value, b.value))
    .map(({ trial }) => trial);
}

function stoppedEarly(direction: Direction, history: readonly Trial[]): readonly Trial[] {
  const order = byValue(direction);
  return history
    .filter(({ state }) => state === 'pruned' || state === 'paused' || state === 'stopped')
    .flatMap((trial) => {
      const last = measurements(trial).at(-1);
      return last === undefined ? [] : [{ trial, last }];
    })
    .toSorted((a, b) => b.last.step - a.last.step || order(a.last.value, b.last.value))
    .map(({ trial }) => trial);
}

function parametersOf(trial: Trial): Parameters {
  return trial.parameters;
}
