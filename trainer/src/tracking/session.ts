/** One process that tells MLflow about a run and its trials: the spool, who sends it, and what came of it. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MlflowClient } from '@hilum/mlflow';
import { TrainerError } from '../errors.ts';
import type { Entry } from './entry.ts';
import type { TrackingEvent } from './event.ts';
import type { RegisteredModel } from './registration.ts';
import { refusal, Sender } from './sender.ts';
import { Spool, type SpoolOptions } from './spool.ts';
import { Teller } from './teller.ts';

export interface SessionOptions {
  readonly mlflow: MlflowClient;
  /**
   * True, the default: the run starts only where MLflow answers, and fails at its end where MLflow does not come back in
   * time. False: it does without; `hilum track-sync` brings MLflow up to date later.
   */
  readonly required?: boolean;
  /**
   * Where all that MLflow is to be told is kept until it has it. On a volume that outlives the pod, a retry of the run
   * sends the rest. Default: a temporary folder.
   */
  readonly spool?: SpoolOptions;
  /** How long the end of a run waits for an MLflow that is away; default 2 min. */
  readonly catchUpMs?: number;
  readonly onEvent?: (event: TrackingEvent) => void;
}

export interface Clock {
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_CATCH_UP_MS = 120_000;

export class Session {
  readonly mlflow: MlflowClient;
  readonly required: boolean;
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
  readonly spool: Spool;
  readonly teller: Teller;
  readonly sender: Sender;
  readonly #options: SessionOptions;
  readonly #registered = new Map<number, RegisteredModel>();
  readonly #refused = new Map<number, Error>();
  #failure: TrainerError | undefined;
  /** What an earlier process left is not this run's failure. */
  #isLive = false;

  private constructor(options: SessionOptions, clock: Clock, spool: Spool) {
    this.#options = options;
    this.mlflow = options.mlflow;
    this.required = options.required ?? true;
    this.now = clock.now;
    this.signal = clock.signal;
    this.spool = spool;
    const onEvent = (event: TrackingEvent): void => options.onEvent?.(event);
    const notes = new Set<string>();
    this.teller = new Teller(options.mlflow, spool, (note) => {
      if (!notes.has(note)) onEvent({ type: 'tracking-note', note });
      notes.add(note);
    });
    this.sender = new Sender({
      spool,
      teller: this.teller,
      now: clock.now,
      onEvent,
      onRefused: ({ seq, entry }, cause) => {
        this.#refused.set(seq, cause);
        if (!this.#isLive)
          onEvent({ type: 'tracking-note', note: `MLflow refuses ${entry.kind}: ${cause.message}` });
        else if (entry.kind !== 'register') this.#failure ??= refusal(cause);
      },
      onAnswer: (seq, { registered }) => {
        if (registered !== undefined) this.#registered.set(seq, registered);
      },
    });
  }

  /** Sends first what an earlier process left. */
  static async open(options: SessionOptions, clock: Clock): Promise<Session> {
    const spool = options.spool ?? { dir: await mkdtemp(join(tmpdir(), 'hilum-spool-')) };
    const session = new Session(options, clock, await Spool.open(spool, clock));
    try {
      await session.sender.settled(clock.signal);
      session.#isLive = true;
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** @throws TrainerError TRACKING_REFUSED for what was told before and MLflow does not take; the reason of the signal */
  async tell(entry: Entry, content?: Uint8Array): Promise<number> {
    this.check();
    this.signal?.throwIfAborted();
    const seq = await this.spool.append(entry, content);
    this.sender.kick();
    return seq;
  }

  /** Also while the run is told to end: what it ends as is still said. */
  async tellEnd(entry: Entry): Promise<void> {
    await this.spool.append(entry);
    this.sender.kick();
  }

  /** Until MLflow has all, or is found to be away. */
  async settled(): Promise<void> {
    await this.sender.settled(this.signal);
    this.check();
  }

  /** @returns false where MLflow stayed away and the run may do without it */
  async drained(): Promise<boolean> {
    const withinMs = this.#options.catchUpMs ?? DEFAULT_CATCH_UP_MS;
    const isDone = await this.sender.drained(withinMs, this.signal);
    this.check();
    if (!isDone && this.required) throw this.unreachable();
    return isDone;
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  registered(seq: number): RegisteredModel | undefined {
    return this.#registered.get(seq);
  }

  refused(seq: number): Error | undefined {
    return this.#refused.get(seq);
  }

  unreachable(): TrainerError {
    const { away, spool } = { away: this.sender.away, spool: this.spool };
    const why = away === undefined ? 'MLflow is slow' : `${away.code}: ${away.message}`;
    const kept = `${spool.waiting.length} entries are kept in ${spool.dir}`;
    const todo = `run it again, or hilum track-sync --spool ${spool.dir}`;
    const code = away === undefined || away.retryable ? 'TRACKING_UNREACHABLE' : 'TRACKING_REFUSED';
    return new TrainerError(code, `${why}; ${kept}: ${todo}`, { cause: away });
  }

  async close(): Promise<void> {
    await this.sender.close();
    const entries = this.spool.waiting.length;
    await this.spool.close();
    if (entries > 0) this.#options.onEvent?.({ type: 'tracking-left', spool: this.spool.dir, entries });
  }
}
