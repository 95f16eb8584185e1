import type { InferenceSession } from 'onnxruntime-node';

/** How onnxruntime computes on a CPU; docs/engines.md has what each costs and gains. */
export function cpuSession(
  threads: number,
  graphOptimizationLevel: 'all' | 'disabled',
): InferenceSession.SessionOptions {
  return {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel,
    // A plan of all maps at once: 20 MB more at 224 pixels, and no faster.
    enableMemPattern: false,
    logSeverityLevel: 3,
    // Threads that wait for work would spin, on cores that others could use.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}
