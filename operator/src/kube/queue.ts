/**
 * Keys to work on, each at most once at a time.
 *
 * A key added while it waits stays one; added while it is worked on it comes again afterwards. So a reconcile always
 * starts after the last change it could have missed, and two never run for one key.
 */
import { backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface Queue {
  add(key: string): void;
  /** Adds after `ms`; of several waits for one key the shortest holds. */
  addAfter(key: string, ms: number): void;
  /** Adds after the key's own back-off, which grows until `forget`; returns the wait in milliseconds. */
  addRateLimited(key: string): number;
  /** The key is well: its next failure starts from the shortest back-off. */
  forget(key: string): void;
  /** Waits for a key; undefined when the queue drains or `signal` aborts. Every key taken must be given to `done`. */
  take(signal: AbortSignal): Promise<string | undefined>;
  done(key: string): void;
  /** Hands out nothing more, and resolves when all that was taken is done. What still waits is dropped. */
  drain(): Promise<void>;
  /** Keys that could be taken now. */
  readonly depth: number;
  /** Keys being worked on. */
  readonly active: number;
}

export interface QueueOptions {
  readonly clock: Clock;
  /** Back-off of a key after its first failure; default 250 ms. */
  readonly minMs?: number;
  /** Longest back-off; default 5 min. */
  readonly maxMs?: number;
  /** Told how long a key was ready before it was taken. */
  readonly onTaken?: (waitedMs: number) => void;
}

export function createQueue(options: QueueOptions): Queue {
  const { clock, minMs = 250, maxMs = 300_000 } = options;
  /** Ready keys in order of arrival, with the time of it. */
  const ready = new Map<string, number>();
  const processing = new Set<string>();
  /** Added while processing. */
  const again = new Set<string>();
  const delayed = new Map<string, { readonly at: number; readonly cancel: () => void }>();
  const failures = new Map<string, number>();
  const waiters = new Set<() => void>();
  const drained: (() => void)[] = [];
  let draining = false;

  function add(key: string): void {
    if (draining) return;
    undelay(key);
    if (processing.has(key)) {
      again.add(key);
      return;
    }
    if (!ready.has(key)) ready.set(key, clock.elapsed());
    wakeOne();
  }

  function undelay(key: string): void {
    delayed.get(key)?.cancel();
    delayed.delete(key);
  }

  function addAfter(key: string, ms: number): void {
    if (draining) return;
    if (ms <= 0) {
      add(key);
      return;
    }
    const at = clock.elapsed() + ms;
    const before = delayed.get(key);
    if (before !== undefined && before.at <= at) return;
    before?.cancel();
    delayed.set(key, { at, cancel: clock.after(ms, () => add(key)) });
  }

  function wakeOne(): void {
    const [first] = waiters;
    first?.();
  }

  function next(): string | undefined {
    const [entry] = ready;
    if (entry === undefined) return undefined;
    const [key, since] = entry;
    ready.delete(key);
    processing.add(key);
    options.onTaken?.(clock.elapsed() - since);
    return key;
  }

  return {
    add,
    addAfter,
    addRateLimited: (key) => {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      const ms = backoffMs(count, { minMs, maxMs });
      addAfter(key, ms);
      return ms;
    },
    forget: (key) => {
      failures.delete(key);
    },
    take: async (signal) => {
      for (;;) {
        if (draining || signal.aborted) return undefined;
        const key = next();
        if (key !== undefined) return key;
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            waiters.delete(wake);
            signal.removeEventListener('abort', wake);
            resolve();
          };
          waiters.add(wake);
          signal.addEventListener('abort', wake, { once: true });
        });
      }
    },
    done: (key) => {
      processing.delete(key);
      if (again.delete(key)) add(key);
      if (draining && processing.size === 0) for (const resolve of drained.splice(0)) resolve();
    },
    drain: async () => {
      draining = true;
      for (const key of delayed.keys()) undelay(key);
      ready.clear();
      again.clear();
      for (const wake of waiters) wake();
      if (processing.size > 0) await new Promise<void>((resolve) => drained.push(resolve));
    },
    get depth() {
      return ready.size;
    },
    get active() {
      return processing.size;
    },
  };
}
