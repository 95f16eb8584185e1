/** When work that is not done yet will be: what a request is told before it is let in. */
import type { LatencyFit } from './latency.ts';

export interface Load {
  readonly lanes: number;
  readonly maxBatch: number;
  /** Since when each busy lane computes how many images. */
  readonly running: Iterable<{ readonly n: number; readonly startedAt: number }>;
  /** Images whose turn comes before. */
  readonly ahead: number;
  /** From the door to the queue: what decoding takes, by now. */
  readonly prepareMs: number;
}

/** Milliseconds until `images` more are answered, as expected and as spread allows; undefined before the first batch. */
export function forecast(
  fit: LatencyFit,
  { lanes, maxBatch, running, ahead, prepareMs }: Load,
  images: number,
  now: number,
): { readonly expectedMs: number; readonly likelyMs: number } | undefined {
  const total = Math.max(1, ahead + images);
  const batchesBefore = Math.ceil(total / maxBatch) - 1;
  const fullMs = fit.predict(maxBatch);
  const lastMs = fit.predict(total - batchesBefore * maxBatch);
  if (fullMs === undefined || lastMs === undefined) return undefined;
  let runningMs = 0;
  for (const { n, startedAt } of running) {
    runningMs += Math.max(0, (fit.predict(n) ?? 0) - (now - startedAt));
  }
  // While one is decoded those before are computed.
  const expectedMs = Math.max(prepareMs, (runningMs + batchesBefore * fullMs) / lanes) + lastMs;
  // Durations of batches are taken as independent: their spreads add as squares. Two of them hold 19 times of 20.
  const likelyMs = expectedMs + 2 * fit.spreadMs * Math.sqrt(batchesBefore / lanes + 1);
  return { expectedMs, likelyMs };
}
