/** An engine on a virtual clock whose answer to an image is the image, so that a mix-up shows; it counts what it is given. */
import type { EngineAnswer, InferOptions } from '../src/engine/engine.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface TimedEngine {
  readonly infer: (batch: Float32Array, n: number, options?: InferOptions) => Promise<EngineAnswer>;
  /** Each batch, by the first value of its images, in the order in which they began. */
  readonly batches: readonly { readonly startedAt: number; readonly ids: readonly number[] }[];
  /** The most batches at a time. */
  readonly mostAtOnce: () => number;
}

export function createTimedEngine(time: VirtualTime, durationMs: (n: number) => number): TimedEngine {
  const batches: { startedAt: number; ids: number[] }[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  return {
    batches,
    mostAtOnce: () => mostAtOnce,
    infer: async (batch, n) => {
      atOnce += 1;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      const length = batch.length / n;
      const ids = Array.from({ length: n }, (_, at) => batch[at * length] ?? Number.NaN);
      batches.push({ startedAt: time.now(), ids });
      const inferMs = durationMs(n);
      await time.sleep(inferMs);
      atOnce -= 1;
      return { probabilities: Float32Array.from(ids.flatMap((id) => [id, 0])), inferMs };
    },
  };
}
