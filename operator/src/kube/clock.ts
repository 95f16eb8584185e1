/** Time as an argument, so that every rule about time can be tested without waiting. */
export interface Clock {
  /** Milliseconds since 1970: for what is written down. */
  now(): number;
  /** Milliseconds that never jump, from any origin: for measuring how long. */
  elapsed(): number;
  /** Calls `run` once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): () => void;
}

/** The real clock. `now` is main's `Date.now`. */
export function createClock(now: () => number): Clock {
  return {
    now,
    elapsed: () => performance.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  };
}

/** Waits `ms`, or less when `signal` aborts; never rejects, look at the signal afterwards. */
export async function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Waits for `promise`, but rejects at once when `signal` aborts. */
export async function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = (): void => reject(new DOMException('aborted', 'AbortError'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}

export interface Deadline {
  readonly signal: AbortSignal;
  /** True once it was time that aborted, and not one of the parents. */
  readonly expired: boolean;
  /** Lets go of the timer and of the parents. Must be called. */
  end(): void;
}

/**
 * A signal that aborts with any of `parents` or after `ms`.
 *
 * By hand and not by `AbortSignal.any`, whose followers hang on a long-lived parent until they are collected; `end`
 * lets go at once, so that a process-long signal does not gather one follower per call.
 */
export function deadline(clock: Clock, ms: number, parents: readonly (AbortSignal | undefined)[]): Deadline {
  const controller = new AbortController();
  const live = parents.filter((parent) => parent !== undefined);
  let expired = false;
  const follow = (event: Event): void => {
    const parent = event.target;
    controller.abort(parent instanceof AbortSignal ? parent.reason : undefined);
  };
  const cancel = clock.after(ms, () => {
    if (controller.signal.aborted) return;
    expired = true;
    controller.abort();
  });
  for (const parent of live) {
    if (parent.aborted) controller.abort(parent.reason);
    parent.addEventListener('abort', follow, { once: true });
  }
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    end: () => {
      cancel();
      for (const parent of live) parent.removeEventListener('abort', follow);
    },
  };
}
