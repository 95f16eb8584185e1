/** One worker thread with one network, seen from the main thread. */
import { Worker } from 'node:worker_threads';
import { ServerError } from '../errors.ts';
import { GaveUp, finalCode } from '../readiness.ts';
import type { EngineAnswer } from './engine.ts';
import type { FromLane, LaneData, ToLane } from './messages.ts';

export interface Lane {
  readonly version: string;
  readonly device: 'cpu' | 'gpu';
  /**
   * One at a time.
   *
   * @param batch its memory moves to the thread
   * @throws ServerError ENGINE_FAILED; LaneLost where the thread died or did not answer in time
   */
  readonly infer: (batch: Float32Array, n: number, activations: boolean) => Promise<EngineAnswer>;
  /** Threads of one batch from now on; as `infer`. */
  readonly resize: (threads: number) => Promise<void>;
  /** Resolves when the thread has ended or is given up, unless it was told to close. */
  readonly lost: Promise<LaneLost>;
  readonly close: () => Promise<void>;
}

/** The thread will not answer any more. */
export class LaneLost extends Error {
  override readonly name = 'LaneLost';
}

export interface LaneOptions {
  /** What the thread runs. */
  readonly entry: URL;
  readonly data: LaneData;
  /** For the load, and for each answer. */
  readonly loadMs: number;
  readonly answerMs: number;
}

interface Pending {
  readonly resolve: (message: FromLane) => void;
  readonly reject: (error: Error) => void;
}

/** @throws GaveUp ENGINE_MISSING, ENGINE_FAILED or the code of a package that cannot be loaded; the signal's reason */
export async function startLane(
  { entry, data, loadMs, answerMs }: LaneOptions,
  signal: AbortSignal,
): Promise<Lane> {
  signal.throwIfAborted();
  const worker = new Worker(entry, { workerData: data });
  const pending = new Map<number, Pending>();
  const lost = Promise.withResolvers<LaneLost>();
  const ready = Promise.withResolvers<FromLane & { readonly type: 'ready' }>();
  let nextId = 0;
  let closing = false;

  const lose = (error: LaneLost): void => {
    if (closing) return;
    closing = true;
    ready.reject(new GaveUp('ENGINE_FAILED', error.message, { cause: error }));
    lost.resolve(error);
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  worker.on('error', (cause) => lose(new LaneLost('a thread of the inference engine died', { cause })));
  worker.on('exit', (code) => lose(new LaneLost(`a thread of the inference engine ended with code ${code}`)));
  worker.on('message', (message: FromLane) => {
    if (message.type === 'ready') return ready.resolve(message);
    if (message.type === 'failed') {
      return ready.reject(new GaveUp(finalCode(message.code, 'ENGINE_FAILED'), message.message));
    }
    pending.get(message.id)?.resolve(message);
    pending.delete(message.id);
  });

  const ask = async (
    message: ToLane & { readonly id: number },
    transfer: ArrayBuffer[],
  ): Promise<FromLane> => {
    if (closing) throw new LaneLost('the thread was closed');
    const answer = new Promise<FromLane>((resolve, reject) => {
      pending.set(message.id, { resolve, reject });
    });
    worker.postMessage(message, transfer);
    const late = setTimeout(() => {
      lose(new LaneLost(`no answer of the inference engine within ${answerMs} ms`));
      void endedOf(worker);
    }, answerMs);
    try {
      return await answer;
    } finally {
      clearTimeout(late);
    }
  };

  const giveUp = (): void => ready.reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  const late = setTimeout(() => {
    ready.reject(new GaveUp('ENGINE_FAILED', `the model was not loaded within ${loadMs / 1000} s`));
  }, loadMs);
  try {
    const { version, device } = await ready.promise;
    return {
      version,
      device,
      lost: lost.promise,
      infer: async (batch, n, activations) => {
        const id = nextId++;
        // Of a view the rest of its memory would move with it, which may be somebody's.
        const own = batch.byteLength === batch.buffer.byteLength ? batch : batch.slice();
        const message = { type: 'infer', id, batch: own, n, activations } as const;
        const answer = await ask(message, [own.buffer as ArrayBuffer]);
        if (answer.type === 'answer') {
          const { probabilities, inferMs } = answer;
          return { probabilities, inferMs, ...(answer.activations && { activations: answer.activations }) };
        }
        throw refused(answer);
      },
      resize: async (threads) => {
        const answer = await ask({ type: 'resize', id: nextId++, threads }, []);
        if (answer.type !== 'resized') throw refused(answer);
      },
      close: async () => {
        if (closing) return;
        closing = true;
        await endedOf(worker);
      },
    };
  } catch (error) {
    closing = true;
    await endedOf(worker);
    throw error;
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', giveUp);
  }
}

function refused(answer: FromLane): ServerError {
  const cause = new Error(answer.type === 'refusal' ? answer.message : `an answer of type ${answer.type}`);
  return new ServerError('ENGINE_FAILED', undefined, { cause });
}

/**
 * Resolves when the thread has ended by itself, after what it computes or loads; or after a while, if it does not.
 *
 * It is never terminated: onnxruntime's addon, when it comes back into a thread that is being ended, aborts the whole
 * process (Napi::Error, exit code 134; seen with 1.30.0 under Node 24).
 */
async function endedOf(worker: Worker): Promise<void> {
  if (worker.threadId < 0) return;
  stuck.add(worker);
  const exit = new Promise((resolve) => {
    worker.once('exit', () => {
      stuck.delete(worker);
      resolve(undefined);
    });
  });
  worker.postMessage({ type: 'close' } satisfies ToLane, []);
  worker.unref();
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise((resolve) => {
    timer = setTimeout(resolve, CLOSE_MS);
  });
  await Promise.race([exit, enough]);
  clearTimeout(timer);
}

const CLOSE_MS = 10_000;
/** Threads that were told to end and have not. */
const stuck = new Set<Worker>();

/** Whether `process.exit` would wait for a thread, perhaps for ever. */
export function hasStuckThread(): boolean {
  return stuck.size > 0;
}
