import { createRequire } from 'node:module';
import util from 'node:util';
import type * as tfjs from '@tensorflow/tfjs-node';
import { EngineError } from './errors.ts';

/** tfjs-node's module. Types only: the engine itself comes from `loadEngine`. */
export type Tf = typeof tfjs;

/**
 * Loads TensorFlow with its native engine.
 *
 * TensorFlow's own notices are silent unless `TF_CPP_MIN_LOG_LEVEL` is set.
 *
 * @param engine `gpu` takes tfjs-node-gpu instead of tfjs-node, and warns where it finds no GPU; default HILUM_ENGINE, or `cpu`
 * @throws EngineError ENGINE_MISSING where the native library is not installed, ENGINE_UNKNOWN
 */
export async function loadEngine(engine = process.env['HILUM_ENGINE'] ?? 'cpu'): Promise<Tf> {
  const name = PACKAGES.get(engine);
  if (name === undefined) {
    throw new EngineError('ENGINE_UNKNOWN', `HILUM_ENGINE is "${engine}"; it is one of cpu, gpu`);
  }
  restoreUtil();
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  try {
    const tf = createRequire(import.meta.url)(name) as Tf;
    await tf.ready();
    if (engine === 'gpu') warnWithoutGpu(tf);
    return tf;
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    const remedy = engine === 'cpu' ? 'run npm run setup' : GPU_REMEDY;
    const message = `the native engine of ${name} could not be loaded (${reason}); ${remedy}`;
    throw new EngineError('ENGINE_MISSING', message, { cause });
  }
}

const PACKAGES: ReadonlyMap<string, string> = new Map([
  ['cpu', '@tensorflow/tfjs-node'],
  ['gpu', '@tensorflow/tfjs-node-gpu'],
]);

const GPU_REMEDY =
  'npm run setup makes the cpu engine only; the gpu engine is in the trainer-gpu image (npm run images -- --gpu)';

/** TensorFlow falls back to the CPU without a word where the driver is missing or too old. */
function warnWithoutGpu(tf: Tf): void {
  if (isOnGpu(tf)) return;
  process.emitWarning('HILUM_ENGINE is gpu, but TensorFlow sees no GPU and computes on the CPU');
}

/** Whether this engine computes on a GPU, which tfjs-node-gpu does not where it finds none. */
export function isOnGpu(tf: Tf): boolean {
  const backend: object = tf.backend();
  return 'isUsingGpuDevice' in backend && backend.isUsingGpuDevice === true;
}

/**
 * Two helpers that tfjs-node 4.22 still calls: Node 23 removed the one, and Node 22 and 24 warn about the other
 * (tensorflow/tfjs issue 8609, fixed but unreleased).
 */
function restoreUtil(): void {
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  });
}
