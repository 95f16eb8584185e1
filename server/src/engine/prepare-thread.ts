/** Writes a network as onnxruntime's optimiser makes it for this machine, weights beside it, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession } from 'onnxruntime-node';
import type { PrepareData } from './prepare.ts';
import { cpuSession } from './session-options.ts';

const { source, target, weights } = workerData as PrepareData;
try {
  const session = await InferenceSession.create(source, {
    ...cpuSession(1, 'all'),
    optimizedModelFilePath: target,
    extra: {
      session: {
        optimized_model_external_initializers_file_name: weights,
        optimized_model_external_initializers_min_size_in_bytes: '1024',
      },
    },
  });
  await session.release();
  parentPort?.postMessage({}, []);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  parentPort?.postMessage({ message }, []);
}
