/** Writes a network as onnxruntime's optimiser makes it for this machine, weights beside it, and ends. */
import { InferenceSession } from 'onnxruntime-node';
import type { PrepareData } from './prepare.ts';
import { cpuSession } from './session-options.ts';

const { source, target, weights } = JSON.parse(process.argv[2] ?? '') as PrepareData;
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
