/** A hyper-parameter search in this process: what `@hilum/search` suggests, run, written down and gone on with. */
import { bestTrial, checkSpace, promotion, shouldStop, suggest, type Measurement } from '@hilum/search';
import { TrainerError } from '../errors.ts';
import { Journal } from './journal.ts';
import type { StudyOptions, StudyResult } from './study-options.ts';
import { after, counts, lineSchema, replay, type Line, type StudyTrial } from './trials.ts';

/** What says something about the parameters, and not about all trials. */
const OF_THE_TRIAL: ReadonlySet<string> = new Set(['NOT_A_NUMBER', 'TRAINING_DIVERGED']);

/** More contradictions than this say that the space is wrong, not the draw. */
const MOST_INFEASIBLE = 10_000;

/**
 * Runs trials until there are enough, or nothing new is left to try.
 *
 * A trial fails when its objective throws, or reports or gives a value that is no finite number. An error that would
 * meet every trial (any TrainerError but those of a training that diverged: the dataset, the disk, the weights) ends the study instead, and
 * the trial is run again when the study goes on.
 *
 * A trial that is paused by successive halving is final unless `promotion` calls it up; then it is run again from its
 * beginning, and past what was decided before.
 *
 * @throws TrainerError STUDY_FAILED, JOURNAL_*; SearchError; the reason of `signal`
 */
export async function runStudy(options: StudyOptions): Promise<StudyResult> {
  const { space, algorithm, seed, direction, stopping, about = {} } = options;
  checkSpace(space);
  const journal = await Journal.open({
    path: options.journal,
    about: { ...about, space, algorithm, seed, direction, stopping },
    line: lineSchema,
  });
  try {
    const study = new Study(options, journal);
    await study.run();
    const best = study.best();
    return { trials: study.trials(), ...(best !== undefined && { best }) };
  } finally {
    await journal.close();
  }
}

type Ended = Extract<Line, { readonly at: 'ended' }>;
type Ending = Pick<Ended, 'state' | 'value' | 'details' | 'failure'>;

interface Job {
  readonly trial: StudyTrial;
  readonly why: 'new' | 'interrupted' | 'promoted';
}

class Study {
  readonly #options: StudyOptions;
  readonly #journal: Journal<Line>;
  readonly #trials: Map<number, StudyTrial>;
  readonly #interrupted: number[];
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  /** What running trials have reported so far. */
  readonly #reports = new Map<number, readonly Measurement[]>();

  constructor(options: StudyOptions, journal: Journal<Line>) {
    this.#options = options;
    this.#journal = journal;
    this.#trials = replay(journal.lines);
    this.#interrupted = this.trials().flatMap(({ state, number }) => (state === 'running' ? [number] : []));
    const { signal } = options;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  trials(): readonly StudyTrial[] {
    return [...this.#trials.values()].toSorted((a, b) => a.number - b.number);
  }

  best(): StudyTrial | undefined {
    const best = bestTrial({ direction: this.#options.direction, history: this.trials() });
    return best && this.#trials.get(best.number);
  }

  async run(): Promise<void> {
    const { trials, parallel = 1, onEvent } = this.#options;
    onEvent?.({ type: 'study', trials, done: this.#done() });
    const running = new Set<Promise<void>>();
    const faults: unknown[] = [];
    const start = (job: Job): void => {
      const work = this.#work(job)
        .catch((error: unknown) => {
          faults.push(error);
          this.#stop.abort(error);
        })
        .finally(() => running.delete(work));
      running.add(work);
    };
    try {
      for (;;) {
        while (running.size < parallel) {
          const job = await this.#next();
          if (job === undefined) break;
          start(job);
        }
        if (running.size === 0) break;
        // One that ended may have made place for another, or for a promotion.
        await Promise.race(running);
      }
    } catch (error) {
      faults.push(error);
      this.#stop.abort(error);
    }
    await Promise.all(running);
    this.#options.signal?.throwIfAborted();
    if (faults.length > 0) throw faults[0];
  }

  /** What a free worker does next; undefined where there is nothing, or nothing yet. */
  async #next(): Promise<Job | undefined> {
    this.#signal.throwIfAborted();
    const { space, algorithm, seed, direction, stopping, trials, feasible } = this.#options;
    this.#checkFailures();
    const interrupted = this.#interrupted.shift();
    if (interrupted !== undefined) return this.#begin({ at: 'interrupted', trial: interrupted });
    if (stopping?.kind === 'asha') {
      const up = promotion({ rule: stopping, direction, history: this.#history() });
      if (up !== undefined) return this.#begin({ at: 'promoted', trial: up.number });
    }
    while (this.trials().filter(counts).length < trials) {
      const next = suggest({ space, algorithm, seed, direction, history: this.#history() });
      if (next === undefined) return undefined;
      const { number: trial, parameters } = next;
      if (feasible?.(parameters) !== false) return this.#begin({ at: 'started', trial, parameters });
      await this.#write({ at: 'infeasible', trial, parameters });
      if (this.#trials.size - this.trials().filter(counts).length > MOST_INFEASIBLE) {
        throw new TrainerError('STUDY_FAILED', 'hardly any parameters of the space can be run together');
      }
    }
    return undefined;
  }

  async #begin(line: Extract<Line, { at: 'started' | 'interrupted' | 'promoted' }>): Promise<Job> {
    const trial = await this.#write(line);
    const why = line.at === 'started' ? 'new' : line.at;
    this.#reports.set(trial.number, trial.intermediate);
    this.#options.onEvent?.({ type: 'trial', number: trial.number, parameters: trial.parameters, why });
    return { trial, why };
  }

  async #work({ trial }: Job): Promise<void> {
    const line = await this.#attempt(trial);
    await this.#options.onTrialEnd?.(after(trial, line));
    const ended = await this.#write(line);
    this.#reports.delete(trial.number);
    const best = this.best();
    this.#options.onEvent?.({
      type: 'trial-ended',
      trial: ended,
      done: this.#done(),
      trials: this.#options.trials,
      ...(best !== undefined && { best }),
    });
  }

  /** Runs the objective; what comes of it as the line that ends the trial. */
  async #attempt(trial: StudyTrial): Promise<Ended> {
    const { number, parameters } = trial;
    let verdict: 'failed' | 'pruned' | 'paused' | undefined;
    const report = (step: number, value: number): 'go' | 'stop' => {
      verdict ??= this.#judge(trial, step, value);
      return verdict === undefined && !this.#signal.aborted ? 'go' : 'stop';
    };
    const end = (rest: Ending): Ended => ({
      at: 'ended',
      trial: number,
      intermediate: [...this.#reported(number)],
      ...rest,
    });
    try {
      const outcome = await this.#options.objective({ number, parameters, signal: this.#signal, report });
      this.#signal.throwIfAborted();
      const { value, ...details } = outcome;
      if (verdict === 'failed' || (verdict === undefined && !Number.isFinite(value))) return end(diverged);
      if (verdict !== undefined) return end({ state: verdict, details });
      return end({ state: 'succeeded', value, details });
    } catch (error) {
      this.#signal.throwIfAborted();
      if (verdict !== undefined) return end(verdict === 'failed' ? diverged : { state: verdict });
      if (error instanceof TrainerError && !OF_THE_TRIAL.has(error.code)) throw error;
      return end({ state: 'failed', failure: failureOf(error) });
    }
  }

  #judge(trial: StudyTrial, step: number, value: number): 'failed' | 'pruned' | 'paused' | undefined {
    const { number } = trial;
    const { stopping: rule, direction, onEvent } = this.#options;
    if (!Number.isInteger(step) || step < 1)
      throw new RangeError(`steps are counted from 1; ${step} is none`);
    onEvent?.({ type: 'report', number, step, value });
    if (!Number.isFinite(value)) return 'failed';
    const earlier = this.#reported(number).filter((report) => report.step !== step);
    this.#reports.set(
      number,
      [...earlier, { step, value }].toSorted((a, b) => a.step - b.step),
    );
    if (rule === undefined) return undefined;
    const own = withReports(trial, this.#reported(number));
    const decidedThrough = trial.intermediate.at(-1)?.step ?? 0;
    const decision = shouldStop({ rule, direction, history: this.#history(), trial: own, decidedThrough });
    if (decision.action === 'continue') return undefined;
    return decision.action === 'pause' ? 'paused' : 'pruned';
  }

  /** The trials with what the running ones have reported by now. */
  #history(): readonly StudyTrial[] {
    return this.trials().map((trial) =>
      this.#reports.has(trial.number) ? withReports(trial, this.#reported(trial.number)) : trial,
    );
  }

  #reported(number: number): readonly Measurement[] {
    return this.#reports.get(number) ?? [];
  }

  /** The line takes effect at once, so that a worker that asks while it goes to the disk knows of it. */
  async #write(line: Line): Promise<StudyTrial> {
    const trial = after(this.#trials.get(line.trial), line);
    this.#trials.set(trial.number, trial);
    await this.#journal.append(line);
    return trial;
  }

  #checkFailures(): void {
    const { failedTrials = 3 } = this.#options;
    const failed = this.trials().filter((trial) => trial.state === 'failed' && counts(trial));
    if (failed.length <= failedTrials) return;
    const { number, failure } = failed.at(-1) ?? {};
    throw new TrainerError(
      'STUDY_FAILED',
      `${failed.length} trials failed where ${failedTrials} may; the last, ${number}, by ${failure?.code}: ${failure?.message}`,
    );
  }

  #done(): number {
    return this.trials().filter((trial) => counts(trial) && trial.state !== 'running').length;
  }
}

function withReports(trial: StudyTrial, intermediate: readonly Measurement[]): StudyTrial {
  return { ...trial, intermediate };
}

const diverged = {
  state: 'failed',
  failure: { code: 'NOT_A_NUMBER', message: 'the value of the trial is no finite number' },
} as const;

function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: 'INTERNAL', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'INTERNAL';
  return { code, message: error.message };
}
