/**
 * The one thread in which TensorFlow lives.
 *
 * tfjs-node computes synchronously (0.15-0.3 s for one 224x224 VGG16 on a core), which on the main thread would
 * stop health checks, metrics and every other request; and its addon is loaded once a process, only here.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadClassifier, loadEngine } from '@hilum/model';
import type { FromEngine, ToEngine } from './worker.ts';

const port = parentPort;
if (port === null) throw new Error('engine-thread.ts runs as a worker thread');
const post = (message: FromEngine, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

try {
  const { dir } = workerData as { readonly dir: string };
  const tf = await loadEngine();
  const classifier = await loadClassifier(tf, dir);
  classifier.warmUp();
  port.on('message', (message: ToEngine) => {
    if (message.type === 'close') {
      classifier.dispose();
      port.close();
      return;
    }
    const startedAt = performance.now();
    try {
      const probabilities = new Float32Array(classifier.predict(message.batch, message.n));
      const inferMs = performance.now() - startedAt;
      post({ type: 'answer', id: message.id, probabilities, inferMs }, [probabilities.buffer]);
    } catch (error) {
      post({ type: 'refusal', id: message.id, message: messageOf(error) });
    }
  });
  post({ type: 'ready' });
} catch (error) {
  post({ type: 'failed', code: codeOf(error), message: messageOf(error) });
  port.close();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
