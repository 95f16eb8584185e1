/** Searches from the first trial to the last, on training runs that are curves. */
import { describe, expect, test } from 'vitest';
import {
  bestTrial,
  promotion,
  rungs,
  shouldStop,
  suggest,
  type AshaRule,
  type MedianRule,
  type Parameters,
  type Space,
  type Trial,
} from '../src/index.ts';

const LENGTH = 27;
const TRIALS = 60;
const SEEDS = [0, 1, 2, 3, 4, 5, 6, 7];
const halving: AshaRule = { kind: 'asha', minResource: 1, maxResource: LENGTH, reduction: 3, below: 'pause' };
const stopping: AshaRule = { ...halving, minResource: 3, below: 'stop' };
const median: MedianRule = { kind: 'median', warmUpSteps: 4, minTrials: 4 };
const space: Space = [
  { name: 'rate', type: 'double', min: 1e-6, max: 0.1, scale: 'log' },
  { name: 'dropout', type: 'double', min: 0, max: 0.7, step: 0.05 },
];

interface Outcome {
  readonly history: readonly Trial[];
  readonly best: number;
  readonly steps: number;
}

describe('a whole search', () => {
  test('by halving with pauses finds what full trials find, for less than a third of the steps', () => {
    const halved = SEEDS.map((seed) => pausing(seed));
    const full = SEEDS.map((seed) => searching(seed, undefined));
    expect(mean(full.map(({ steps }) => steps))).toBe(TRIALS * LENGTH);
    expect(mean(halved.map(({ steps }) => steps))).toBeLessThan((TRIALS * LENGTH) / 3);
    expect(mean(halved.map(({ best }) => best))).toBeGreaterThan(mean(full.map(({ best }) => best)) - 0.005);
  });

  test('by halving leaves nobody behind who is among the best third of a rung', () => {
    const { history } = pausing(1);
    const steps = rungs(halving);
    for (const [rung, step] of steps.slice(0, -1).entries()) {
      const there = history
        .filter((trial) => reached(trial) >= step)
        .toSorted((a, b) => valueAt(b, step) - valueAt(a, step));
      const third = there.slice(0, Math.floor(there.length / 3));
      expect(third.length).toBeGreaterThan(0);
      expect(third.filter((trial) => reached(trial) < (steps[rung + 1] ?? 0))).toEqual([]);
    }
  });

  test.for([
    { name: 'halving with stops', rule: stopping, share: 0.5 },
    { name: 'median', rule: median, share: 0.85 },
  ])('by $name saves steps, and loses nothing that matters', ({ rule, share }) => {
    const stopped = SEEDS.map((seed) => searching(seed, rule));
    const full = SEEDS.map((seed) => searching(seed, undefined));
    expect(mean(stopped.map(({ steps }) => steps))).toBeLessThan(share * TRIALS * LENGTH);
    expect(mean(stopped.map(({ best }) => best))).toBeGreaterThan(mean(full.map(({ best }) => best)) - 0.005);
  });
});

/** One worker that follows `get_job` of the paper: a promotion if there is one, else a new trial. */
function pausing(seed: number): Outcome {
  const history: Trial[] = [];
  for (;;) {
    const up = promotion({ rule: halving, direction: 'maximize', history });
    const index = history.findIndex(({ number }) => number === up?.number);
    const next = history[index] ?? (history.length < TRIALS ? start(seed, history) : undefined);
    if (next === undefined) return outcome(history);
    const ran = upTo(next, up?.untilStep ?? 1);
    history[index === -1 ? history.length : index] =
      reached(ran) === LENGTH ? succeeded(ran) : { ...ran, state: 'paused' };
  }
}

/** One worker that asks after every step whether to go on. */
function searching(seed: number, rule: AshaRule | MedianRule | undefined): Outcome {
  const history: Trial[] = [];
  while (history.length < TRIALS) {
    let trial = start(seed, history);
    let stopped = false;
    for (let step = 1; step <= LENGTH && !stopped; step++) {
      trial = upTo(trial, step);
      stopped =
        rule !== undefined &&
        shouldStop({ rule, direction: 'maximize', history, trial }).action !== 'continue';
    }
    history.push(stopped ? { ...trial, state: 'pruned' } : succeeded(trial));
  }
  return outcome(history);
}

function start(seed: number, history: readonly Trial[]): Trial {
  const next = suggest({ space, algorithm: { kind: 'random' }, seed, direction: 'maximize', history });
  if (next === undefined) throw new Error('the space is not finite');
  return { ...next, state: 'running' };
}

function upTo(trial: Trial, step: number): Trial {
  const intermediate = Array.from({ length: step }, (_, index) => ({
    step: index + 1,
    value: curve(trial.parameters, index + 1),
  }));
  return { ...trial, intermediate };
}

/** An AUC that rises to its plateau; a high rate gets there sooner. */
function curve(parameters: Parameters, step: number): number {
  const rate = Math.log10(Number(parameters['rate']));
  const plateau = 0.93 - 0.03 * (rate + 3.5) ** 2 - 0.2 * (Number(parameters['dropout']) - 0.35) ** 2;
  return plateau - 0.25 * Math.exp(-step / (2 - 0.5 * rate));
}

function succeeded(trial: Trial): Trial {
  return { ...trial, state: 'succeeded', value: curve(trial.parameters, LENGTH) };
}

function valueAt(trial: Trial, step: number): number {
  return curve(trial.parameters, step);
}

function reached(trial: Trial): number {
  return trial.intermediate?.at(-1)?.step ?? 0;
}

function outcome(history: readonly Trial[]): Outcome {
  const best = bestTrial({ direction: 'maximize', history })?.value ?? Number.NaN;
  return { history, best, steps: history.reduce((sum, trial) => sum + reached(trial), 0) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
