/** What is known of earlier trials, and what follows from it for every algorithm. */
import type { Axis } from './axis.ts';
import { SearchError } from './errors.ts';
import type { Parameters } from './space.ts';

export type Direction = 'minimize' | 'maximize';

/** A measurement on the way: the objective after `step` units of the resource (epochs, mostly), counted from 1. */
export interface Measurement {
  readonly step: number;
  readonly value: number;
}

export interface Trial {
  /** From 0, each once; the order of the list itself means nothing. */
  readonly number: number;
  readonly parameters: Parameters;
  /**
   * `pruned`: ended by a rule of early stopping. `paused`: waits at a rung, may be promoted. `stopped`: ended from
   * outside. `failed` says nothing about the parameters and is never learnt from.
   */
  readonly state: 'running' | 'paused' | 'succeeded' | 'failed' | 'pruned' | 'stopped';
  /** The objective, when `succeeded`. A value that is no finite number counts as a failure. */
  readonly value?: number;
  readonly intermediate?: readonly Measurement[];
}

/** The history in the order of its numbers, after a look at each. Throws SearchError. */
export function sorted(history: readonly Trial[]): readonly Trial[] {
  const trials = history.toSorted((a, b) => a.number - b.number);
  for (const [index, { number }] of trials.entries()) {
    if (!isWord(number) || trials[index - 1]?.number === number) {
      throw new SearchError('NUMBER_INVALID', String(number));
    }
  }
  return trials;
}

/** Throws SearchError when a trial could not have come from this space. */
export function checkParameters(axes: readonly Axis[], history: readonly Trial[]): void {
  for (const { number, parameters } of history) {
    const strange = axes.find((axis) => !holds(axis, parameters));
    if (strange !== undefined)
      throw new SearchError('PARAMETERS_OUTSIDE', `${strange.name} of trial ${number}`);
  }
}

function holds(axis: Axis, parameters: Parameters): boolean {
  const value = parameters[axis.name];
  if (value === undefined) return false;
  return axis.kind === 'choice' ? axis.indexOf(value) >= 0 : axis.holds(value);
}

/** A key that two trials share when their parameters are the same. */
export function keyOf(axes: readonly Axis[], parameters: Parameters): string {
  return JSON.stringify(
    axes.map((axis) => {
      const value = parameters[axis.name] ?? null;
      // By index where there is one: a value that went through a file may differ in the last digit.
      return value !== null && Number.isFinite(axis.size) ? axis.indexOf(value) : value;
    }),
  );
}

/** Whether `a` is the better value. */
export function better(direction: Direction, a: number, b: number): boolean {
  return direction === 'minimize' ? a < b : a > b;
}

/** The better value first; for `toSorted`. */
export function byValue(direction: Direction): (a: number, b: number) => number {
  return direction === 'minimize' ? (a, b) => a - b : (a, b) => b - a;
}

/** The finite measurements, the lowest step first; of two at one step the later in the list, as after a resume. */
export function measurements(trial: Trial): readonly Measurement[] {
  const byStep = new Map<number, Measurement>();
  for (const measurement of trial.intermediate ?? []) {
    if (Number.isFinite(measurement.value)) byStep.set(measurement.step, measurement);
  }
  return [...byStep.values()].toSorted((a, b) => a.step - b.step);
}

/** The objective of a trial that succeeded with a finite value. */
export function outcome(trial: Trial): number | undefined {
  return trial.state === 'succeeded' && Number.isFinite(trial.value) ? trial.value : undefined;
}

/**
 * The trial with the best objective; of equals the first. `undefined` when none has succeeded.
 *
 * Only `succeeded` trials with a finite value count: a trial that was stopped early has no model to hand over.
 */
export function bestTrial(study: {
  readonly direction: Direction;
  readonly history: readonly Trial[];
}): Trial | undefined {
  let best: { readonly trial: Trial; readonly value: number } | undefined;
  for (const trial of sorted(study.history)) {
    const value = outcome(trial);
    if (value === undefined) continue;
    if (best === undefined || better(study.direction, value, best.value)) best = { trial, value };
  }
  return best?.trial;
}

/** Whether this is a whole number from 0 to 2^32 - 1. */
export function isWord(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}
