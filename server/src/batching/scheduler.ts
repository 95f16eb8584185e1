/** Images of many requests in front of one engine: bounded, in turn, given back when nobody waits for them. */
import type { Activations } from '@hilum/model';
import type { Engine, InferOptions } from '../engine/engine.ts';
import { createLane } from './lane.ts';

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
}

export interface PlaceOptions extends InferOptions {
  /** Ends the wait; an image that is computed already is no longer waited for. */
  readonly signal: AbortSignal;
}

/** Room for some images of one request, to be left in the end. */
export interface Place {
  /** One image: `tensor` as `toTensor` makes it. As many at a time as the place has images. */
  readonly infer: (tensor: Float32Array, options: PlaceOptions) => Promise<Inferred>;
  /** Safe to repeat. What still computes keeps its room until it ends. */
  readonly leave: () => void;
}

export interface Scheduler {
  /** Images that wait. */
  readonly depth: number;
  /** Throws QUEUE_FULL, with the seconds after which there should be room, when `images` could not enter now. */
  readonly assertRoom: (images: number) => void;
  /** Takes room before any work is done, so that no work is thrown away later; throws QUEUE_FULL. */
  readonly enter: (images: number) => Place;
  /** Resolves when nothing waits or is computed. */
  readonly idle: () => Promise<void>;
}

export interface SchedulerOptions {
  readonly infer: Engine['infer'];
  /** Images that may have room beside the one that is computed. */
  readonly limit: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export function createScheduler({ infer, limit, now }: SchedulerOptions): Scheduler {
  const lane = createLane({ limit, now });
  return {
    get depth() {
      return lane.depth;
    },
    assertRoom: () => lane.assertRoom(),
    idle: lane.idle,
    enter: (images) => {
      const free = Array.from({ length: images }, () => lane.enter());
      return {
        infer: async (tensor, { signal, ...options }) => {
          const place = free.pop();
          if (place === undefined) throw new RangeError(`more than ${images} images at a time`);
          try {
            const { value, waitedMs } = await place.run(async () => infer(tensor, 1, options), signal);
            return { ...value, waitedMs, batch: 1 };
          } finally {
            free.push(place);
          }
        },
        leave: () => {
          for (const place of free) place.leave();
        },
      };
    },
  };
}
