/** What the main thread and the thread of a lane say to each other. */
import type { Activations, ActivationNames } from '@hilum/model';

/** What a thread is started with. */
export interface LaneData {
  /** The package. */
  readonly dir: string;
  /** The ONNX file, where the engine takes one. */
  readonly file: string;
  /** Whether `file` is optimised for this machine already and has the activations among its outputs. */
  readonly isPrepared: boolean;
  /** Where the file has what Grad-CAM needs; undefined where it has not. */
  readonly names?: ActivationNames;
  /** To be written behind the file's bytes where it is not prepared. */
  readonly extra?: Uint8Array;
  /** Of one batch. */
  readonly threads: number;
  /** TensorFlow alone. */
  readonly device: 'cpu' | 'gpu';
}

/** To the thread. One at a time: it answers each before it hears the next. */
export type ToLane =
  | {
      readonly type: 'infer';
      readonly id: number;
      readonly batch: Float32Array;
      readonly n: number;
      readonly activations: boolean;
    }
  /** From now on a batch has so many threads. */
  | { readonly type: 'resize'; readonly id: number; readonly threads: number }
  | { readonly type: 'close' };

/** From the thread. */
export type FromLane =
  | { readonly type: 'ready'; readonly version: string; readonly device: 'cpu' | 'gpu' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | {
      readonly type: 'answer';
      readonly id: number;
      readonly probabilities: Float32Array;
      readonly activations?: Activations;
      readonly inferMs: number;
    }
  | { readonly type: 'resized'; readonly id: number }
  | { readonly type: 'refusal'; readonly id: number; readonly message: string };
