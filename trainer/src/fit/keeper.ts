/** When a checkpoint is due, and what is said when one cannot be kept: training never ends for that. */
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import { TrainerError, type TrainerCode } from '../errors.ts';

export interface CheckpointOptions {
  readonly store: CheckpointStore;
  /** Digest of all that decides the run: recipe, data, split, base, contract, version of the trainer. */
  readonly key: string;
  /** A checkpoint after every so many steps; default: after each epoch and every `everyMs` inside. */
  readonly everySteps?: number;
  /** Default 30 s. */
  readonly everyMs?: number;
  /** Longest that one save may take; default 120 s. */
  readonly saveMs?: number;
  /** Whether a run that is stopped or fails keeps where it is; default true. */
  readonly saveOnStop?: boolean;
  /** Time for that after the signal; default 20 s, which fits Kubernetes' 30. */
  readonly stopMs?: number;
}

export type CheckpointEvent =
  /** Training goes on after this many steps of this epoch. */
  | { readonly type: 'resumed'; readonly epoch: number; readonly step: number }
  | { readonly type: 'checkpoint'; readonly epoch: number; readonly step: number; readonly bytes: number }
  /** Worth a warning: until the next `checkpoint`, a kill loses more than an interval. */
  | {
      readonly type: 'checkpoint-failed';
      readonly epoch: number;
      readonly step: number;
      readonly code: TrainerCode;
      readonly why: string;
    }
  /** One was there and was not used. */
  | { readonly type: 'checkpoint-refused'; readonly why: string };

interface Source {
  /** What the run depends on, at this moment. */
  readonly capture: () => Checkpoint;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: CheckpointEvent) => void) | undefined;
}

const EVERY_MS = 30_000;
const SAVE_MS = 120_000;
const STOP_MS = 20_000;
/** A save waits until so many times the last one's duration has gone by: at most a tenth of the time goes into saving. */
const REST = 9;

export class Keeper {
  readonly #options: CheckpointOptions;
  readonly #source: Source;
  /** Ends a save that would outlast the grace period. */
  readonly #grace = new AbortController();
  #savedAt: number;
  #restUntil = -Infinity;
  /** Of the last one kept, or loaded. */
  #position = '';

  constructor(options: CheckpointOptions, source: Source) {
    this.#options = options;
    this.#source = source;
    this.#savedAt = source.now();
    source.signal?.addEventListener('abort', this.#startGrace, { once: true });
  }

  close(): void {
    this.#source.signal?.removeEventListener('abort', this.#startGrace);
  }

  /** @throws TrainerError CHECKPOINT_UNREACHABLE */
  async load(): Promise<Checkpoint | undefined> {
    const { store, key } = this.#options;
    const { checkpoint, refused } = await store.load(key, this.#source.signal);
    for (const why of refused) this.refuse(why);
    if (checkpoint !== undefined) this.#position = positionOf(checkpoint);
    return checkpoint;
  }

  refuse(why: string): void {
    this.#source.onEvent?.({ type: 'checkpoint-refused', why });
  }

  /** Within an epoch. @param steps done over the whole run */
  async afterStep(steps: number): Promise<void> {
    const { everySteps, everyMs = EVERY_MS } = this.#options;
    const now = this.#source.now();
    const isDue = now - this.#savedAt >= everyMs && now >= this.#restUntil;
    if (isDue || (everySteps !== undefined && steps % everySteps === 0)) await this.#save();
  }

  /** With the figures of the epoch in it, so that they are never computed again. */
  async afterEpoch(steps: number): Promise<void> {
    const { everySteps } = this.#options;
    if (everySteps !== undefined) await this.afterStep(steps);
    else if (this.#source.now() >= this.#restUntil) await this.#save();
  }

  /** When training has ended, in whatever way. */
  async last(): Promise<void> {
    await this.#save();
  }

  async onStop(): Promise<void> {
    if (this.#options.saveOnStop !== false) await this.#save();
  }

  async #save(): Promise<void> {
    const { now, onEvent } = this.#source;
    const checkpoint = this.#source.capture();
    if (positionOf(checkpoint) === this.#position) return;
    const { epoch, step } = checkpoint;
    const started = now();
    try {
      const deadline = AbortSignal.timeout(this.#options.saveMs ?? SAVE_MS);
      const bytes = await this.#options.store.save(
        checkpoint,
        AbortSignal.any([deadline, this.#grace.signal]),
      );
      this.#position = positionOf(checkpoint);
      onEvent?.({ type: 'checkpoint', epoch, step, bytes });
    } catch (error) {
      onEvent?.({ type: 'checkpoint-failed', epoch, step, ...reasonOf(error) });
    } finally {
      this.#savedAt = now();
      this.#restUntil = this.#savedAt + REST * (this.#savedAt - started);
    }
  }

  readonly #startGrace = (): void => {
    const reason = new DOMException('the grace period is over', 'TimeoutError');
    setTimeout(() => this.#grace.abort(reason), this.#options.stopMs ?? STOP_MS).unref();
  };
}

function positionOf({ epoch, step, epochs }: Checkpoint): string {
  return [epoch, step, epochs.length].join();
}

/** A full disk, a store that is away, a deadline; anything else is a bug and ends the run. */
function reasonOf(error: unknown): { readonly code: TrainerCode; readonly why: string } {
  if (error instanceof TrainerError) return { code: error.code, why: error.message };
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { code: 'CHECKPOINT_UNREACHABLE', why: `not kept in time: ${error.message}` };
  }
  throw error;
}
