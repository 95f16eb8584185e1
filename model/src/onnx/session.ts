import type { InferenceSession } from 'onnxruntime-node';
import { PackageError } from '../errors.ts';

export interface OnnxOptions {
  /** Threads of one call; default 1. */
  readonly threads?: number;
}

/** An ONNX classifier that is loaded and answers. */
export interface OnnxClassifier {
  /**
   * Blocks the thread that calls it until the answer is there, promise or not: onnxruntime's other threads only help it.
   *
   * @param batch `n * s * s * 3` values: images one after the other, as `toTensor` of imaging makes them
   * @returns `n * labels` probabilities; those of one image sum to 1
   */
  predict(batch: Float32Array, n: number): Promise<Float32Array>;
  /** Frees the model's memory. A second call does nothing. */
  dispose(): Promise<void>;
}

/**
 * Loads an ONNX file of a package, float32 or int8, into onnxruntime, on the CPU.
 *
 * @param file its path or its bytes
 * @throws PackageError PACKAGE_INVALID where onnxruntime does not take it
 */
export async function loadOnnx(
  file: string | Uint8Array,
  { threads = 1 }: OnnxOptions = {},
): Promise<OnnxClassifier> {
  // Its library has 30 MB: only who wants to use it loads it.
  const { InferenceSession: sessions, Tensor } = await import('onnxruntime-node');
  const settings: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  };
  const opened = typeof file === 'string' ? sessions.create(file, settings) : sessions.create(file, settings);
  const session = await opened.catch((cause: unknown) => {
    throw new PackageError('PACKAGE_INVALID', 'onnxruntime does not take the ONNX file', { cause });
  });
  const side = sideOf(session);
  let released: Promise<void> | undefined;
  return {
    predict: async (batch, n) => {
      if (released !== undefined) throw new Error('this classifier was disposed');
      if (!Number.isInteger(n) || n < 1 || batch.length !== n * side * side * 3) {
        throw new RangeError(`${batch.length} values are not ${n} images of ${side}x${side}x3`);
      }
      const { probabilities } = await session.run({ image: new Tensor(batch, [n, side, side, 3]) });
      return floats(probabilities?.data);
    },
    dispose: () => (released ??= session.release()),
  };
}

function sideOf({ inputMetadata: [input] }: InferenceSession): number {
  const side = input?.isTensor === true ? input.shape[1] : undefined;
  if (typeof side === 'number') return side;
  throw new PackageError('PACKAGE_INVALID', 'the ONNX file does not take images of one size');
}

function floats(data: unknown): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new PackageError('PACKAGE_INVALID', 'the ONNX file does not answer with float32 probabilities');
}
