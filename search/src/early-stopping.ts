/** When a running trial is not worth its next step, and which paused one is. */
import { SearchError } from './errors.ts';
import {
  better,
  byValue,
  measurements,
  outcome,
  sorted,
  type Direction,
  type Measurement,
  type Trial,
} from './history.ts';

/** Asynchronous successive halving (Li et al., MLSys 2020, arXiv:1810.05934). Resources are steps: epochs, mostly. */
export interface AshaRule {
  readonly kind: 'asha';
  /** Steps to the lowest rung, 1 or more; more to be careful with curves that cross early. */
  readonly minResource: number;
  /** Steps of a full trial. */
  readonly maxResource: number;
  /** Of so many trials on a rung one goes on; 2 or more, 4 in the paper. */
  readonly reduction: number;
  /**
   * What happens to a trial that is not among the best of its rung. `pause`, as published: it waits, and `promotion`
   * may call it up when more trials have come to the rung. `stop`: it ends, and the best so far always goes on; for
   * trials that cannot be resumed.
   */
  readonly below: 'pause' | 'stop';
}

/** Median stopping (Golovin et al., "Google Vizier", KDD 2017, 3.2.2). */
export interface MedianRule {
  readonly kind: 'median';
  /** No trial is judged up to this step. */
  readonly warmUpSteps: number;
  /** Nor before so many trials that have succeeded reported up to the same step; 1 or more. */
  readonly minTrials: number;
}

export interface StopRequest {
  readonly rule: AshaRule | MedianRule;
  readonly direction: Direction;
  /** May hold the trial itself, in an older state: it is left out by its number. */
  readonly history: readonly Trial[];
  /** The trial in question with all that it has reported. */
  readonly trial: Trial;
  /** The rungs up to this step have been decided, and are not decided again with what is known now. Default 0. */
  readonly decidedThrough?: number;
}

export type StopDecision =
  | { readonly action: 'continue' }
  | {
      readonly action: 'pause' | 'stop';
      /** The step at which the trial was judged. */
      readonly step: number;
      readonly reason: 'BELOW_RUNG' | 'BELOW_MEDIAN' | 'NOT_A_NUMBER';
    };

const CONTINUE: StopDecision = { action: 'continue' };

/**
 * Whether the trial goes on. A trial whose newest measurement is no finite number has diverged and stops by any rule.
 *
 * @throws SearchError when the rule contradicts itself
 */
export function shouldStop(request: StopRequest): StopDecision {
  checkRule(request.rule);
  const reports = (request.trial.intermediate ?? []).toSorted((a, b) => a.step - b.step);
  const newest = reports.at(-1);
  if (newest === undefined) return CONTINUE;
  if (!Number.isFinite(newest.value)) return { action: 'stop', step: newest.step, reason: 'NOT_A_NUMBER' };
  const others = sorted(request.history).filter(({ number }) => number !== request.trial.number);
  return request.rule.kind === 'asha'
    ? halve(request.rule, request, others)
    : belowMedian(request.rule, request, others);
}

export interface Promotion {
  /** The number of the paused trial to resume. */
  readonly number: number;
  /** Run it up to this step. */
  readonly untilStep: number;
}

/**
 * The paused trial that a free worker takes up before it starts a new one: the best of the highest rung where one is
 * among the best 1/reduction and has not been promoted (`get_job` of the paper). `undefined`: start a new trial.
 */
export function promotion(request: {
  readonly rule: AshaRule;
  readonly direction: Direction;
  readonly history: readonly Trial[];
}): Promotion | undefined {
  checkRule(request.rule);
  const history = sorted(request.history);
  const steps = rungs(request.rule);
  for (const [rung, step] of [...steps.entries()].toReversed()) {
    const untilStep = steps[rung + 1];
    if (untilStep === undefined) continue;
    const standing = standings(request.direction, history, step);
    const top = standing.slice(0, Math.floor(standing.length / request.rule.reduction));
    // A trial that has a measurement above the rung was promoted from it before.
    const next = top.find(({ trial }) => trial.state === 'paused' && rungOf(trial, steps) === rung);
    if (next !== undefined) return { number: next.trial.number, untilStep };
  }
  return undefined;
}

/** The steps at which trials are compared, and the full length as the last: r·η^k up to R. */
export function rungs(rule: AshaRule): readonly number[] {
  checkRule(rule);
  const steps: number[] = [];
  for (let step = rule.minResource; step < rule.maxResource; step *= rule.reduction) steps.push(step);
  return [...steps, rule.maxResource];
}

function halve(
  rule: AshaRule,
  { direction, trial, decidedThrough = 0 }: StopRequest,
  others: readonly Trial[],
): StopDecision {
  const steps = rungs(rule);
  const rung = rungOf(trial, steps);
  const step = steps[rung];
  // The last "rung" is the end of the trial: nothing is left to stop.
  if (step === undefined || rung === steps.length - 1 || step <= decidedThrough) return CONTINUE;
  const standing = standings(direction, [...others, trial], step);
  const share = Math.floor(standing.length / rule.reduction);
  const places = rule.below === 'stop' ? Math.max(1, share) : share;
  const place = standing.findIndex((entry) => entry.trial === trial);
  if (place < places) return CONTINUE;
  return { action: rule.below, step, reason: 'BELOW_RUNG' };
}

interface Standing {
  readonly trial: Trial;
  readonly value: number;
}

/** All trials that came to a rung, the best first, of equals the older; a failed one shows nothing. */
function standings(direction: Direction, trials: readonly Trial[], step: number): readonly Standing[] {
  const order = byValue(direction);
  return trials
    .flatMap((trial) => {
      if (trial.state === 'failed') return [];
      const value = measurements(trial).find((measurement) => measurement.step >= step)?.value;
      return value === undefined ? [] : [{ trial, value }];
    })
    .toSorted((a, b) => order(a.value, b.value) || a.trial.number - b.trial.number);
}

/** The highest rung that the trial came to; -1 for none. */
function rungOf(trial: Trial, steps: readonly number[]): number {
  const last = lastStep(trial);
  return steps.findLastIndex((step) => step <= last);
}

function lastStep(trial: Trial): number {
  return measurements(trial).at(-1)?.step ?? 0;
}

/** Stops when the best value so far is worse than the median of the others' mean values up to the same step. */
function belowMedian(
  rule: MedianRule,
  { direction, trial }: StopRequest,
  others: readonly Trial[],
): StopDecision {
  const own = measurements(trial);
  const step = own.at(-1)?.step ?? 0;
  if (step <= rule.warmUpSteps) return CONTINUE;
  const means = others.flatMap((other) => {
    if (outcome(other) === undefined) return [];
    const reports = measurements(other);
    // One that has not come so far would be compared by its early, worse values alone.
    return (reports.at(-1)?.step ?? 0) < step ? [] : [mean(reports.filter((report) => report.step <= step))];
  });
  const known = means.filter((value) => value !== undefined);
  if (known.length < rule.minTrials) return CONTINUE;
  const best = own.map(({ value }) => value).toSorted(byValue(direction))[0] as number;
  return better(direction, median(known), best) ? { action: 'stop', step, reason: 'BELOW_MEDIAN' } : CONTINUE;
}

function mean(reports: readonly Measurement[]): number | undefined {
  if (reports.length === 0) return undefined;
  return reports.reduce((sum, { value }) => sum + value, 0) / reports.length;
}

function median(values: readonly number[]): number {
  const line = values.toSorted((a, b) => a - b);
  const middle = line.length / 2;
  return ((line[Math.ceil(middle) - 1] as number) + (line[Math.floor(middle)] as number)) / 2;
}

function checkRule(rule: AshaRule | MedianRule): void {
  if (rule.kind === 'median') {
    if (rule.warmUpSteps >= 0 && Number.isSafeInteger(rule.minTrials) && rule.minTrials >= 1) return;
    throw new SearchError('RULE_INVALID', 'warmUpSteps is 0 or more, minTrials 1 or more');
  }
  const { minResource, maxResource, reduction } = rule;
  const whole = [minResource, maxResource, reduction].every((value) => Number.isSafeInteger(value));
  if (whole && minResource >= 1 && maxResource >= minResource && reduction >= 2) return;
  throw new SearchError(
    'RULE_INVALID',
    'whole numbers with 1 ≤ minResource ≤ maxResource and reduction 2 or more',
  );
}
