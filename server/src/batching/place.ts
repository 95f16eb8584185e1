/** What one request has in the queue in front of the engine. */
import type { Activations } from '@hilum/model';
import type { InferOptions } from '../engine/engine.ts';

/** One image, answered. */
export interface Inferred {
  /** One per label, in the package's order. */
  readonly probabilities: Float32Array;
  /** Of this image alone. */
  readonly activations?: Activations;
  readonly waitedMs: number;
  readonly inferMs: number;
  /** How many images were computed together with it, itself counted. */
  readonly batch: number;
  /** That computed it, where the engine says so. */
  readonly threads?: number | undefined;
}

export interface PlaceOptions extends InferOptions {
  /** Ends the wait; an image that is computed already is no longer waited for. */
  readonly signal: AbortSignal;
}

/** Room for some images of one request, to be left in the end. */
export interface Place {
  /**
   * One image: `tensor` as `toTensor` makes it, whose memory may be empty afterwards. As many at a time as the place
   * has images.
   *
   * @throws ServerError DEADLINE_UNREACHABLE, or what the engine throws; the signal's reason
   */
  readonly infer: (tensor: Float32Array, options: PlaceOptions) => Promise<Inferred>;
  /** Safe to repeat. What still computes keeps its room until it ends. */
  readonly leave: () => void;
}
