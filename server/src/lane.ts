/** A bounded queue in front of one worker: one task at a time, the rest wait in order, and too many are refused. */
import { ServerError } from './errors.ts';

export interface Lane {
  /** Tasks that wait, without the one that runs. */
  readonly depth: number;
  /** Throws QUEUE_FULL, with the seconds after which a place should be free, when another task would not fit. */
  readonly assertRoom: () => void;
  /**
   * Runs `task` when those before it are done.
   *
   * @param signal ends the wait: a waiting task is taken out of the queue, a running one is no longer waited for
   * (the engine cannot stop in the middle, so the next task starts only when it really ended)
   */
  readonly run: <T>(task: () => Promise<T>, signal: AbortSignal) => Promise<{ value: T; waitedMs: number }>;
  /** Resolves when nothing waits or runs. */
  readonly idle: () => Promise<void>;
}

export interface LaneOptions {
  /** How many tasks may wait. */
  readonly limit: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

interface Entry {
  readonly start: () => Promise<void>;
}

export function createLane({ limit, now }: LaneOptions): Lane {
  const waiting: Entry[] = [];
  let running = false;
  let meanMs = 0;
  let idlers: (() => void)[] = [];

  function retryAfterSeconds(): number {
    return Math.max(1, Math.ceil(((waiting.length + 1) * meanMs) / 1000));
  }

  function assertRoom(): void {
    if (waiting.length < limit) return;
    throw new ServerError('QUEUE_FULL', `${waiting.length} images wait, at most ${limit} may`, {
      retryAfterSeconds: retryAfterSeconds(),
    });
  }

  async function drain(): Promise<void> {
    if (running) return;
    running = true;
    for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
      const startedAt = now();
      await entry.start();
      const tookMs = now() - startedAt;
      // A running mean that forgets: the machine's load changes.
      meanMs = meanMs === 0 ? tookMs : 0.8 * meanMs + 0.2 * tookMs;
    }
    running = false;
    for (const resolve of idlers) resolve();
    idlers = [];
  }

  return {
    get depth() {
      return waiting.length;
    },
    assertRoom,
    async run(task, signal) {
      signal.throwIfAborted();
      if (running) assertRoom();
      const queuedAt = now();
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          const place = waiting.indexOf(entry);
          if (place >= 0) waiting.splice(place, 1);
          reject(signal.reason as Error);
        };
        const entry: Entry = {
          start: async () => {
            const waitedMs = now() - queuedAt;
            try {
              resolve({ value: await task(), waitedMs });
            } catch (error) {
              reject(error);
            } finally {
              signal.removeEventListener('abort', leave);
            }
          },
        };
        signal.addEventListener('abort', leave, { once: true });
        waiting.push(entry);
        void drain();
      });
    },
    async idle() {
      if (!running) return;
      await new Promise<void>((resolve) => {
        idlers.push(resolve);
      });
    },
  };
}
