/** So many requests a minute for each caller, whatever protocol they come by. */
import type { RateLimit } from './role.ts';

export interface Limiter {
  /** Takes one request of `who`, or none. @returns 0, or the milliseconds until one may be taken */
  readonly take: (who: string, limit: RateLimit) => number;
}

/** Callers that are remembered; where access is open, anybody's addresses are. */
const MOST_CALLERS = 10_000;

/**
 * The generic cell rate algorithm (ITU-T I.371): a leaky bucket as one number a caller, the moment at which its next
 * request would come if it kept to its rate. It needs no timer, and says exactly when to come back.
 *
 * @param now monotonic milliseconds
 */
export function createLimiter(now: () => number, mostCallers = MOST_CALLERS): Limiter {
  const nextOf = new Map<string, number>();
  return {
    take: (who, { perMinute, burst = Math.max(1, Math.ceil(perMinute / 6)) }) => {
      const at = now();
      const everyMs = 60_000 / perMinute;
      const next = Math.max(nextOf.get(who) ?? 0, at);
      const waitMs = next - at - everyMs * (burst - 1);
      if (waitMs > 0) return waitMs;
      makeRoom(nextOf, at, mostCallers);
      nextOf.set(who, next + everyMs);
      return 0;
    },
  };
}

/** Who is back at its full allowance need not be remembered; if that is not enough, the one who came first is forgotten. */
function makeRoom(nextOf: Map<string, number>, at: number, mostCallers: number): void {
  if (nextOf.size < mostCallers) return;
  for (const [who, next] of nextOf) if (next <= at) nextOf.delete(who);
  const [first] = nextOf.keys();
  if (nextOf.size >= mostCallers && first !== undefined) nextOf.delete(first);
}
