/** A bounded queue in front of one worker: one task at a time, the rest wait in order, and too many are refused. */
import { ServerError } from '../errors.ts';

export interface Lane {
  /** Tasks that wait, without the one that runs. */
  readonly depth: number;
  /** Throws QUEUE_FULL, with the seconds after which a place should be free, when nobody could enter now. */
  readonly assertRoom: () => void;
  /** Takes a place before any work is done for it, so that no work is thrown away later; throws QUEUE_FULL. */
  readonly enter: () => Place;
  /** Resolves when nothing waits or runs. */
  readonly idle: () => Promise<void>;
}

/** A place in the queue, to be left in the end. */
export interface Place {
  /**
   * Runs `task` when those before it are done. Once a place.
   *
   * @param signal ends the wait: a waiting task is taken out of the queue, a running one is no longer waited for
   * (the engine cannot stop in the middle, so the next task starts only when it really ended)
   */
  readonly run: <T>(task: () => Promise<T>, signal: AbortSignal) => Promise<{ value: T; waitedMs: number }>;
  /** Safe to repeat. A task that still runs keeps the place until it ends. */
  readonly leave: () => void;
}

export interface LaneOptions {
  /** How many may have a place beside the one whose task runs. */
  readonly limit: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

type Entry = () => Promise<void>;

export function createLane({ limit, now }: LaneOptions): Lane {
  const waiting: Entry[] = [];
  let places = 0;
  let running = false;
  let meanMs = 0;
  let idlers: (() => void)[] = [];

  function assertRoom(): void {
    if (places <= limit) return;
    throw new ServerError('QUEUE_FULL', `${places} images are being answered, at most ${limit + 1} may be`, {
      retryAfterSeconds: Math.max(1, Math.ceil((places * meanMs) / 1000)),
    });
  }

  async function drain(): Promise<void> {
    if (running) return;
    running = true;
    for (let start = waiting.shift(); start !== undefined; start = waiting.shift()) {
      const startedAt = now();
      await start();
      const tookMs = now() - startedAt;
      // A running mean that forgets: the machine's load changes.
      meanMs = meanMs === 0 ? tookMs : 0.8 * meanMs + 0.2 * tookMs;
    }
    running = false;
    for (const resolve of idlers) resolve();
    idlers = [];
  }

  function enter(): Place {
    assertRoom();
    places += 1;
    let held = true;
    let busy = false;
    let wantsOut = false;
    const release = (): void => {
      if (held && !busy) {
        held = false;
        places -= 1;
      }
    };
    return {
      leave: () => {
        wantsOut = true;
        release();
      },
      run: async (task, signal) => {
        signal.throwIfAborted();
        const queuedAt = now();
        return new Promise((resolve, reject) => {
          const abandon = (): void => {
            const at = waiting.indexOf(start);
            if (at >= 0) waiting.splice(at, 1);
            reject(signal.reason as Error);
          };
          const start: Entry = async () => {
            const waitedMs = now() - queuedAt;
            busy = true;
            try {
              resolve({ value: await task(), waitedMs });
            } catch (error) {
              reject(error);
            }
            signal.removeEventListener('abort', abandon);
            busy = false;
            if (wantsOut) release();
          };
          signal.addEventListener('abort', abandon, { once: true });
          waiting.push(start);
          void drain();
        });
      },
    };
  }

  return {
    get depth() {
      return waiting.length;
    },
    assertRoom,
    enter,
    async idle() {
      if (!running) return;
      await new Promise<void>((resolve) => {
        idlers.push(resolve);
      });
    },
  };
}
