/** Sends what the spool keeps, in order, behind the back of the training; goes on as soon as MLflow is there again. */
import { setTimeout as sleepFor } from 'node:timers/promises';
import { MlflowError } from '@hilum/mlflow';
import { PackageError } from '@hilum/model';
import { TrainerError } from '../errors.ts';
import { isSystem, type Numbered } from './entry.ts';
import type { TrackingEvent } from './event.ts';
import type { Spool } from './spool.ts';
import type { Answer, Teller } from './teller.ts';

export interface SenderOptions {
  readonly spool: Spool;
  readonly teller: Teller;
  readonly now: () => number;
  readonly onEvent: (event: TrackingEvent) => void;
  /** An entry that MLflow will never take; of the machine's own metrics nobody is told. */
  readonly onRefused: (refused: Numbered, cause: Error) => void;
  readonly onAnswer: (seq: number, answer: Answer) => void;
}

// MLflow's own retries, of about 4 s, come before each of these waits.
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
// One request of MLflow takes 1000 items, and must hold an epoch whole.
const MOST_POINTS = 900;

export class Sender {
  readonly #options: SenderOptions;
  readonly #stop = new AbortController();
  /** Cuts a wait short. */
  #wake = new AbortController();
  #loop: Promise<void> | undefined;
  #away: { readonly error: MlflowError; readonly sinceMs: number; readonly backlog: number } | undefined;
  /** How often MLflow did not take anything. */
  #refusals = 0;
  #waiters: (() => void)[] = [];

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Why MLflow does not take anything just now. */
  get away(): MlflowError | undefined {
    return this.#away?.error;
  }

  /** There is something to send. */
  kick(): void {
    this.#loop ??= this.#run().finally(() => {
      this.#loop = undefined;
      this.#notify();
      // Told between the last look and the end.
      if (this.#options.spool.waiting.length > 0 && !this.#stop.signal.aborted) this.kick();
    });
  }

  /** Until all is sent or MLflow is found to be away. */
  async settled(signal: AbortSignal | undefined): Promise<void> {
    await this.#until(() => this.#away !== undefined, signal);
  }

  /** Waits no longer than until what time does not heal, a wrong password, was found to be so once more. */
  async drained(withinMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    const late = AbortSignal.timeout(Math.max(1, withinMs));
    const before = this.#refusals;
    const isHopeless = (): boolean => this.#away?.error.retryable === false && this.#refusals > before;
    this.#wake.abort();
    await this.#until(() => late.aborted || isHopeless(), signal, late);
    return this.#options.spool.waiting.length === 0;
  }

  /** Ends it, also in the middle of a request: what was not confirmed is sent again by whoever comes next. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { spool } = this.#options;
    let waitMs = FIRST_WAIT_MS;
    while (spool.waiting.length > 0 && !this.#stop.signal.aborted) {
      const batch = nextBatch(spool.waiting);
      try {
        await this.#send(batch);
        waitMs = FIRST_WAIT_MS;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (isAway(error) || beginsRun(batch, error)) {
          this.#isAway(error);
          await this.#pause(waitMs);
          waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
        } else await this.#refuse(batch, error);
      }
    }
    if (spool.waiting.length === 0) this.#isBack();
  }

  async #send(batch: readonly Numbered[]): Promise<void> {
    const { spool, teller, onAnswer } = this.#options;
    const [first] = batch;
    if (first === undefined) return;
    const { signal } = this.#stop;
    const answer = await (batch.length === 1
      ? teller.tell(first.entry, signal)
      : teller.tellMetrics(batch, signal));
    await spool.sent(batch);
    onAnswer(first.seq, answer);
  }

  /** One by one where they went together: only the guilty one is set aside. */
  async #refuse(batch: readonly Numbered[], cause: unknown): Promise<void> {
    const { spool, teller, onRefused } = this.#options;
    for (const numbered of batch) {
      const error =
        batch.length === 1
          ? cause
          : await teller.tell(numbered.entry, this.#stop.signal).then(
              () => undefined,
              (own: unknown) => own,
            );
      if (this.#stop.signal.aborted || isAway(error)) return;
      if (error === undefined) await spool.sent([numbered]);
      else {
        const reason = error instanceof Error ? error : new Error('not an error', { cause: error });
        await spool.refuse(numbered, reason.message);
        if (!isSystem(numbered)) onRefused(numbered, reason);
      }
    }
  }

  #isAway(error: MlflowError): void {
    const { now, onEvent, spool } = this.#options;
    const isNew = this.#away === undefined;
    this.#refusals += 1;
    this.#away = { error, sinceMs: this.#away?.sinceMs ?? now(), backlog: spool.waiting.length };
    if (isNew) onEvent({ type: 'tracking-away', code: error.code, message: error.message });
    this.#notify();
  }

  #isBack(): void {
    if (this.#away === undefined) return;
    const { now, onEvent } = this.#options;
    const { sinceMs, backlog } = this.#away;
    this.#away = undefined;
    onEvent({ type: 'tracking-caught-up', entries: backlog, awayMs: now() - sinceMs });
  }

  async #pause(ms: number): Promise<void> {
    this.#wake = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
    await sleepFor(ms, undefined, { signal }).catch(() => undefined);
  }

  #notify(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  async #until(
    isEnough: () => boolean,
    signal: AbortSignal | undefined,
    late: AbortSignal = new AbortController().signal,
  ): Promise<void> {
    while (this.#options.spool.waiting.length > 0 && !isEnough() && !this.#stop.signal.aborted) {
      signal?.throwIfAborted();
      this.kick();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      const both = signal === undefined ? late : AbortSignal.any([signal, late]);
      both.addEventListener('abort', () => resolve(), { once: true });
      await promise;
    }
    signal?.throwIfAborted();
  }
}

/** It may take the same thing later, when it, the network or its credentials are in order again. */
function isAway(error: unknown): error is MlflowError {
  if (!(error instanceof MlflowError)) return false;
  if (error.retryable || error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN_HOST') return true;
  // A page of a gateway or a login, instead of MLflow.
  return error.code === 'UNEXPECTED_ANSWER' && ![404, 405, 501].includes(error.status ?? 0);
}

/** Nothing that is said of a run can be taken before the run is: it is no more refused than an MLflow that is away. */
function beginsRun(batch: readonly Numbered[], error: unknown): error is MlflowError {
  return batch[0]?.entry.kind === 'open' && error instanceof MlflowError;
}

/** The first entry, or all metrics of one run from there on that fit a request. */
function nextBatch(waiting: readonly Numbered[]): Numbered[] {
  const batch: Numbered[] = [];
  let points = 0;
  for (const numbered of waiting) {
    const { entry } = numbered;
    const first = batch[0]?.entry;
    const fits = entry.kind === 'metrics' && points + entry.points.length <= MOST_POINTS;
    const goesOn = fits && first?.kind === 'metrics' && first.run === entry.run;
    if (batch.length > 0 && !goesOn) break;
    batch.push(numbered);
    if (entry.kind !== 'metrics') break;
    points += entry.points.length;
  }
  return batch;
}

/** The trainer's word for what MLflow, or the disk, refused. */
export function refusal(cause: Error): TrainerError {
  const code = cause instanceof MlflowError ? `${cause.code}: ` : '';
  const own = cause instanceof PackageError ? 'PACKAGE_UNREADABLE' : 'TRACKING_REFUSED';
  return new TrainerError(own, `${code}${cause.message}`, { cause });
}
