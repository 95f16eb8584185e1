/** Workers that turn keys into reconciles, and outcomes into what comes next for the key. */
import { deadline, type Clock } from './clock.ts';
import { ApiError, isConflict } from './errors.ts';
import type { Metrics } from './metrics.ts';
import type { Queue } from './queue.ts';

/** As much of a logger as the runtime uses; pino is one. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

interface Requeue {
  /** Come back to this key, if nothing wakes it sooner. */
  readonly requeueAfterMs?: number;
}

/**
 * Brings the world of one key one step nearer to what it should be. Waiting is no failure: return `requeueAfterMs`, or
 * nothing where a watch will wake the key. A throw means retry with back-off. `signal` aborts when leadership is lost,
 * at shutdown's end and after the deadline; hand it to every call.
 */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<Requeue | undefined | void>;

export interface ControllerOptions {
  /** A metric label and a log key. */
  readonly name: string;
  readonly queue: Queue;
  /** Reconciles at a time, of different keys. */
  readonly workers: number;
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** For one reconcile; default 2 minutes. */
  readonly timeoutMs?: number;
}

export interface Controller {
  readonly name: string;
  readonly queue: Queue;
  /** Works until the queue drains or `signal` aborts; resolves when every worker has ended. */
  run(signal: AbortSignal): Promise<void>;
}

export function createController(options: ControllerOptions): Controller {
  const { name, queue, clock, log, metrics, timeoutMs = 120_000 } = options;
  metrics?.watchQueue(name, queue);

  async function worker(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await queue.take(signal);
      if (key === undefined) return;
      try {
        await work(key, signal);
      } finally {
        queue.done(key);
      }
    }
  }

  async function work(key: string, signal: AbortSignal): Promise<void> {
    const started = clock.elapsed();
    const limit = deadline(clock, timeoutMs, [signal]);
    const finish = (result: 'ok' | 'requeued' | 'conflict' | 'error' | 'stopped'): void =>
      metrics?.reconciled(name, result, (clock.elapsed() - started) / 1000);
    try {
      const outcome = await options.reconcile(key, limit.signal);
      queue.forget(key);
      if (outcome?.requeueAfterMs === undefined) {
        finish('ok');
      } else {
        queue.addAfter(key, outcome.requeueAfterMs);
        finish('requeued');
      }
    } catch (error) {
      if (signal.aborted) {
        finish('stopped');
        return;
      }
      const backoffMs = retry(key, error);
      if (isConflict(error)) {
        // Someone wrote between our read and our write; the watch is about to show it. Normal, so not an error.
        log.debug({ controller: name, key, backoffMs }, 'conflict, will read again');
        finish('conflict');
      } else {
        const seconds = timeoutMs / 1000;
        const message = limit.expired ? `reconcile ran past ${seconds} s` : 'reconcile failed';
        log.error({ controller: name, key, backoffMs, err: error }, message);
        finish('error');
      }
    } finally {
      limit.end();
    }
  }

  /** Requeues by the key's back-off, or later where the API server asked for it. */
  function retry(key: string, error: unknown): number {
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    if (asked === 0) return queue.addRateLimited(key);
    queue.addAfter(key, asked);
    return asked;
  }

  return {
    name,
    queue,
    run: async (signal) => {
      await Promise.all(Array.from({ length: options.workers }, () => worker(signal)));
    },
  };
}
