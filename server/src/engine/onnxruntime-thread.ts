/**
 * One lane of onnxruntime. `session.run` computes on the thread that calls it, which stands still meanwhile: so each
 * lane is a worker thread with a session of its own.
 */
import { EngineMissing, serveLane } from './lane-thread.ts';
import { loadOnnxNetwork } from './onnx-network.ts';
import { cpuSession } from './session-options.ts';

await serveLane(async (data) => {
  const onnxruntime = await import('onnxruntime-node').catch((cause: unknown) => {
    throw new EngineMissing('onnxruntime-node', cause);
  });
  const { versions } = onnxruntime.env;
  return loadOnnxNetwork(onnxruntime, data, versions.node ?? versions.common, (threads) =>
    cpuSession(threads, data.isPrepared ? 'disabled' : 'all'),
  );
});
