/** A token bucket: `burst` calls at once, `qps` a second after that, first come first served. */
import { sleep, type Clock } from './clock.ts';

export interface RateLimit {
  /** Resolves when the call may go; early (look at the signal) when `signal` aborts. */
  take(signal: AbortSignal): Promise<void>;
}

/** `qps` of -1 (or any below zero) means no limit. */
export function createRateLimit(options: {
  readonly qps: number;
  readonly burst: number;
  readonly clock: Clock;
}): RateLimit {
  const { qps, burst, clock } = options;
  if (qps < 0) return { take: async () => undefined };
  let tokens = burst;
  let at = clock.elapsed();
  return {
    take: async (signal) => {
      const now = clock.elapsed();
      tokens = Math.min(burst, tokens + ((now - at) / 1000) * qps) - 1;
      at = now;
      // Tokens below zero are reservations: whoever comes later waits longer, which keeps the order.
      if (tokens < 0) await sleep(clock, (-tokens / qps) * 1000, signal);
    },
  };
}
