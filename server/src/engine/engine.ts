/** What every inference engine is, whatever computes behind it. */
import type { Activations } from '@hilum/model';
import type { GaveUp } from '../readiness.ts';
import type { EngineFacts } from './facts.ts';

export interface InferOptions {
  /** Also give what Grad-CAM needs, of the same forward pass. */
  readonly activations?: boolean;
}

export interface EngineAnswer {
  /** `n * labels`, in the package's order. */
  readonly probabilities: Float32Array;
  readonly activations?: Activations;
  readonly inferMs: number;
  /** That computed this batch; absent where it is `facts.threads`. */
  readonly threads?: number;
}

export interface Engine {
  readonly facts: EngineFacts;
  /**
   * One batch. At most `facts.lanes` at a time are computed; who calls more waits.
   *
   * @param batch `n * s * s * 3` values; its memory may move to a thread and be empty afterwards
   * @throws ServerError ENGINE_FAILED
   */
  readonly infer: (batch: Float32Array, n: number, options?: InferOptions) => Promise<EngineAnswer>;
  /** Resolves when it can never answer again, without having been told to close. */
  readonly died: Promise<GaveUp>;
  readonly close: () => Promise<void>;
}
