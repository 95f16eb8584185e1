/** Growing waits between attempts. */
export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** Takes off up to this share of the wait at random, so that many clients do not come back together; default 0. */
  readonly jitter?: number;
  /** In [0, 1). */
  readonly random?: () => number;
}

export interface Backoff {
  /** The next wait in milliseconds: doubles from `minMs`, stays at `maxMs`. */
  next(): number;
  reset(): void;
}

export function createBackoff(options: BackoffOptions): Backoff {
  let attempt = 0;
  return {
    next: () => backoffMs(attempt++, options),
    reset: () => {
      attempt = 0;
    },
  };
}

/** The wait before retry `attempt` (from 0), in milliseconds. */
export function backoffMs(attempt: number, options: BackoffOptions): number {
  const { minMs, maxMs, jitter = 0, random = () => 0 } = options;
  // 2 ** 30 is past every maximum in use; the cap keeps the power finite.
  const base = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
  return base * (1 - jitter * random());
}
