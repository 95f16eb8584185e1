/** The inference engine, seen from the main thread. */
import { Worker } from 'node:worker_threads';
import { ServerError } from '../errors.ts';
import type { Engine, EngineAnswer, EngineFacts } from './engine.ts';
import { GaveUp, finalCode } from '../readiness.ts';

/** To the thread. */
export type ToEngine =
  | { readonly type: 'infer'; readonly id: number; readonly batch: Float32Array; readonly n: number }
  | { readonly type: 'close' };

/** From the thread. */
export type FromEngine =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | {
      readonly type: 'answer';
      readonly id: number;
      readonly probabilities: Float32Array;
      readonly inferMs: number;
    }
  | { readonly type: 'refusal'; readonly id: number; readonly message: string };


const FACTS: EngineFacts = {
  engine: 'tensorflow',
  version: '2.15.1',
  precision: 'float32',
  device: 'cpu',
  lanes: 1,
  threads: 2,
  maxBatch: 1,
};

const LOAD_TIMEOUT_MS = 180_000;

interface Pending {
  readonly resolve: (answer: EngineAnswer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Starts the thread, loads the package in `dir` and warms it up.
 *
 * @throws GaveUp ENGINE_MISSING, ENGINE_FAILED, or the code of a package that cannot be loaded; the signal's reason
 */
export async function startEngine(dir: string, signal: AbortSignal): Promise<Engine> {
  signal.throwIfAborted();
  // Read by the native library, which sees the environment of the process and not a thread's copy of it.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  const worker = new Worker(new URL('./tensorflow-thread.ts', import.meta.url), { workerData: { dir } });
  const pending = new Map<number, Pending>();
  let nextId = 0;
  let closing = false;
  const died = Promise.withResolvers<GaveUp>();
  const ready = Promise.withResolvers<undefined>();

  const lose = (error: GaveUp): void => {
    ready.reject(error);
    if (!closing) died.resolve(error);
    for (const { reject } of pending.values())
      reject(new ServerError('ENGINE_FAILED', undefined, { cause: error }));
    pending.clear();
  };
  worker.on('error', (cause) => lose(new GaveUp('ENGINE_FAILED', 'the inference engine died', { cause })));
  worker.on('exit', (code) =>
    lose(new GaveUp('ENGINE_FAILED', `the inference engine ended with code ${code}`)),
  );
  worker.on('message', (message: FromEngine) => {
    switch (message.type) {
      case 'ready':
        ready.resolve(undefined);
        return;
      case 'failed':
        ready.reject(new GaveUp(finalCode(message.code, 'ENGINE_FAILED'), message.message));
        return;
      case 'answer':
      case 'refusal': {
        const asker = pending.get(message.id);
        pending.delete(message.id);
        if (message.type === 'answer') asker?.resolve(message);
        else
          asker?.reject(new ServerError('ENGINE_FAILED', undefined, { cause: new Error(message.message) }));
      }
    }
  });

  const stop = async (): Promise<void> => {
    closing = true;
    worker.postMessage({ type: 'close' } satisfies ToEngine, []);
    const ended = new Promise((resolve) => {
      worker.once('exit', resolve);
    });
    // The thread ends by itself once its port is closed; terminate() is for one that computes or hangs.
    const timer = setTimeout(() => void worker.terminate(), 2_000);
    await ended;
    clearTimeout(timer);
  };

  const giveUp = (): void => ready.reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  const late = setTimeout(() => {
    ready.reject(new GaveUp('ENGINE_FAILED', `the model was not loaded within ${LOAD_TIMEOUT_MS / 1000} s`));
  }, LOAD_TIMEOUT_MS);
  try {
    await ready.promise;
  } catch (error) {
    closing = true;
    await worker.terminate();
    throw error;
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', giveUp);
  }

  return {
    died: died.promise,
    close: stop,
    facts: FACTS,
    infer: (batch, n) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        pending.set(id, { resolve, reject });
        worker.postMessage({ type: 'infer', id, batch, n } satisfies ToEngine, [batch.buffer as ArrayBuffer]);
      }),
  };
}
