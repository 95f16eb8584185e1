/** One lane of onnxruntime as WebAssembly: runs wherever Node does, several times slower than the native library. */
import { EngineMissing, serveLane } from './lane-thread.ts';
import { loadOnnxNetwork } from './onnx-network.ts';

await serveLane(async (data) => {
  const onnxruntime = await import('onnxruntime-web').catch((cause: unknown) => {
    throw new EngineMissing('onnxruntime-web', cause);
  });
  const { env } = onnxruntime;
  // Its threads would be workers of this worker; lanes are what computes side by side here.
  env.wasm.numThreads = 1;
  env.logLevel = 'error';
  return loadOnnxNetwork(onnxruntime, data, env.versions.web ?? env.versions.common, () => ({
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  }));
});
