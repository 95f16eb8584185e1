/** A clock that a test moves, with timers that fire on the way, and what promises do in between. */
export interface VirtualTime {
  readonly now: () => number;
  /** As the scheduler's `after`. */
  readonly after: (ms: number, call: () => void) => () => void;
  readonly sleep: (ms: number) => Promise<void>;
  /** Until `atMs`; default until no timer is left. */
  readonly run: (atMs?: number) => Promise<void>;
}

export function createVirtualTime(): VirtualTime {
  const timers = new Set<{ readonly at: number; readonly call: () => void }>();
  let time = 0;

  const after = (ms: number, call: () => void): (() => void) => {
    const timer = { at: time + ms, call };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  return {
    now: () => time,
    after,
    sleep: (ms) =>
      new Promise((resolve) => {
        after(ms, resolve);
      }),
    run: async (atMs = Number.POSITIVE_INFINITY) => {
      for (;;) {
        await settled();
        // The first of those that are due at one time is the one that was set first: a Set keeps that order.
        const next = [...timers].reduce<{ at: number; call: () => void } | undefined>(
          (first, timer) => (first === undefined || timer.at < first.at ? timer : first),
          undefined,
        );
        if (next === undefined || next.at > atMs) break;
        timers.delete(next);
        time = Math.max(time, next.at);
        next.call();
      }
      if (Number.isFinite(atMs)) time = Math.max(time, atMs);
    },
  };
}

/** All promises that can go on have done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
