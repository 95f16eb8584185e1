/**
 * The one thread in which TensorFlow lives.
 *
 * tfjs-node computes synchronously (0.15-0.3 s for one 224x224 VGG16 on a core), which on the main thread would
 * stop health checks, metrics and every other request; and its addon is loaded once a process, only here.
 */
import { isOnGpu, loadClassifier, loadEngine } from '@hilum/model';
import { serveLane } from './lane-thread.ts';

await serveLane(async ({ dir, device }) => {
  const tf = await loadEngine(device);
  const classifier = await loadClassifier(tf, dir, { isVerified: true });
  return {
    version: tf.version['tfjs-node'] ?? '',
    device: isOnGpu(tf) ? 'gpu' : 'cpu',
    infer: async (batch, n, activations) =>
      activations
        ? classifier.explain(batch, n)
        : { probabilities: new Float32Array(classifier.predict(batch, n)) },
    close: async () => classifier.dispose(),
  };
});
