/**
 * What the threads of all engines have in common: a load, then one message after the other.
 *
 * A thread is kept tiny: an isolate of its own costs memory, and this file imports nothing but types and Node.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { EngineAnswer } from './engine.ts';
import type { FromLane, LaneData, ToLane } from './messages.ts';

/** A network that is loaded and computes on the thread that calls it. */
export interface Network {
  readonly version: string;
  readonly device: 'cpu' | 'gpu';
  readonly infer: (
    batch: Float32Array,
    n: number,
    activations: boolean,
  ) => Promise<Omit<EngineAnswer, 'inferMs'>>;
  /** Absent where an engine's threads are those of the process. */
  readonly resize?: (threads: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The native library is not installed, or not for this machine. */
export class EngineMissing extends Error {
  readonly code = 'ENGINE_MISSING';

  constructor(library: string, cause: unknown) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    super(`${library} could not be loaded: ${reason}`, { cause });
  }
}

/** To be awaited by the file that a lane's thread runs, and nothing after it. */
export async function serveLane(load: (data: LaneData) => Promise<Network>): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('a lane is a worker thread');
  const post = (message: FromLane, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

  const handle = async (network: Network, message: ToLane): Promise<void> => {
    if (message.type === 'close') {
      await network.close();
      port.close();
      return;
    }
    try {
      if (message.type === 'resize') {
        await network.resize?.(message.threads);
        post({ type: 'resized', id: message.id });
        return;
      }
      const startedAt = performance.now();
      const answer = await network.infer(message.batch, message.n, message.activations);
      const inferMs = performance.now() - startedAt;
      post({ type: 'answer', id: message.id, ...answer, inferMs }, buffersOf(answer));
      // Given back at once: the collector of an isolate that makes next to no garbage comes after hundreds of batches.
      (message.batch.buffer as ArrayBuffer).transfer(0);
    } catch (error) {
      post({ type: 'refusal', id: message.id, message: messageOf(error) });
    }
  };

  try {
    const network = await load(workerData as LaneData);
    let last = Promise.resolve();
    port.on('message', (message: ToLane) => {
      last = last.then(async () => handle(network, message));
    });
    post({ type: 'ready', version: network.version, device: network.device });
  } catch (error) {
    post({ type: 'failed', code: codeOf(error), message: messageOf(error) });
    port.close();
  }
}

function buffersOf({ probabilities, activations }: Omit<EngineAnswer, 'inferMs'>): ArrayBuffer[] {
  const arrays = [probabilities, activations?.features, activations?.maps];
  return arrays.flatMap((array) => (array === undefined ? [] : [array.buffer as ArrayBuffer]));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
