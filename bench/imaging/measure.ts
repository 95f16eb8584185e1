/** What repeated timings of one thing say. */
export type Timing = {
  readonly medianMs: number;
  readonly p10Ms: number;
  readonly p90Ms: number;
  readonly samples: number;
};

export function timingOf(ms: readonly number[]): Timing {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
  return { medianMs: at(0.5), p10Ms: at(0.1), p90Ms: at(0.9), samples: sorted.length };
}

/** How often to repeat what takes `onceMs` so that one turn is long enough to be worth switching sides for. */
export function iterationsFor(onceMs: number, turnMs: number): number {
  return Math.max(1, Math.min(100, Math.round(turnMs / onceMs)));
}

export async function timeOurs(iterations: number, work: () => Promise<unknown>): Promise<readonly number[]> {
  const ms: number[] = [];
  for (let k = 0; k < iterations; k += 1) {
    const start = performance.now();
    await work();
    ms.push(performance.now() - start);
  }
  return ms;
}
