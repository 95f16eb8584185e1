/** Whether images come side by side: decides between one wide lane and many narrow ones. */
export interface Crowd {
  /** An image comes while `others` wait or are computed. */
  readonly note: (others: number) => void;
  readonly isCrowded: () => boolean;
  /** Milliseconds until it is no longer crowded if nothing comes. */
  readonly calmInMs: () => number;
  /** Milliseconds since images last met. */
  readonly calmForMs: () => number;
}

export function createCrowd(now: () => number): Crowd {
  let meetings = 0;
  let lastAt = Number.NEGATIVE_INFINITY;
  const isFresh = (): boolean => now() - lastAt < CALM_MS;
  return {
    note: (others) => {
      if (!isFresh()) meetings = 0;
      if (others === 0) return;
      meetings += 1;
      lastAt = now();
    },
    isCrowded: () => isFresh() && meetings >= MEETINGS,
    calmInMs: () => Math.max(0, lastAt + CALM_MS - now()),
    calmForMs: () => now() - lastAt,
  };
}

/** A change of width costs a lane the opening of a session: two images that happen to meet are no reason. */
const MEETINGS = 3;
const CALM_MS = 2_000;
