/** A clock that moves only when told. */
import type { Clock } from '../clock.ts';

export interface FakeClock extends Clock {
  /** Moves on by `ms`; timers fire in order, each followed by all the promises it settles. */
  advance(ms: number): Promise<void>;
  /** Timers that have not fired. */
  readonly timers: number;
}

export function createFakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let time = 0;
  let sequence = 0;
  const timers = new Map<number, { readonly at: number; readonly run: () => void }>();

  return {
    now: () => start + time,
    elapsed: () => time,
    after: (ms, run) => {
      const id = (sequence += 1);
      timers.set(id, { at: time + ms, run });
      return () => timers.delete(id);
    },
    advance: async (ms) => {
      const until = time + ms;
      await settle();
      for (;;) {
        const due = [...timers]
          .filter(([, { at }]) => at <= until)
          .toSorted(([a, x], [b, y]) => x.at - y.at || a - b);
        const [first] = due;
        if (first === undefined) break;
        const [id, timer] = first;
        timers.delete(id);
        time = Math.max(time, timer.at);
        timer.run();
        await settle();
      }
      time = until;
    },
    get timers() {
      return timers.size;
    },
  };
}

/** All promises that can settle without time passing have settled. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
