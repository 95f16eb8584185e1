/** Whether a batch that could start waits for more images, and the clock that ends the wait. */
import type { LatencyFit } from './latency.ts';

interface Held {
  /** What waits. */
  readonly turns: Iterable<{ readonly room: { readonly deadlineAt: number } }> & { readonly size: number };
  readonly maxBatch: number;
  readonly fit: LatencyFit;
  /** Whether images are known to be on their way, so that a wait is for something. */
  readonly isMoreToCome: () => boolean;
}

export interface Hold {
  /** True where the batch is to wait; `again` is called at the end of the wait, unless asked before. */
  readonly waits: (held: Held, again: () => void) => boolean;
}

/**
 * One batch instead of two saves the fixed part of a batch's time. So the images of a batch wait, all together, no
 * longer than that part, and only for images that are being decoded already; never so long that the earliest
 * deadline would be missed. An engine that takes one image at a time waits for nothing.
 */
export function createHold({
  now,
  after,
}: {
  readonly now: () => number;
  readonly after: (ms: number, call: () => void) => () => void;
}): Hold {
  let since: number | undefined;
  let cancel: (() => void) | undefined;

  const end = (): boolean => {
    cancel?.();
    cancel = undefined;
    since = undefined;
    return false;
  };

  return {
    waits: ({ turns, maxBatch, fit, isMoreToCome }, again) => {
      if (turns.size >= maxBatch || fit.fixedMs === 0 || !isMoreToCome()) return end();
      since ??= now();
      const needMs = (fit.predict(turns.size + 1) ?? 0) + 2 * fit.spreadMs;
      let until = since + fit.fixedMs / turns.size;
      for (const { room } of turns) until = Math.min(until, room.deadlineAt - needMs);
      const leftMs = until - now();
      if (leftMs <= 0) return end();
      cancel?.();
      cancel = after(leftMs, again);
      return true;
    },
  };
}
