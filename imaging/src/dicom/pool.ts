import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ImagingError } from '../errors.ts';
import type { HuImage } from '../image.ts';
import type { Answer } from './worker.ts';

type Patience = { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined };

const WORKERS_MAX = Math.min(4, availableParallelism());
// A thread that does not start in this time is a broken installation or a machine out of memory, not a bad file.
const START_TIMEOUT_MS = 60_000;
// A slice needs a few MB of heap (pixels live outside of it); a hostile data set may ask for gigabytes.
const HEAP_MAX_MB = 64;

const idle = new Set<Worker>();
const waiting: (() => void)[] = [];
let busy = 0;

/**
 * Decodes one DICOM file in a thread with a bounded heap. `timeoutMs` counts from the moment a thread takes the
 * file; past it the thread is ended and the file refused as DECODE_TIMEOUT. Files wait for a free thread, and each
 * one ahead is bounded by its own deadline. An abort rejects with the signal's reason.
 */
export async function decodeInWorker(file: Uint8Array, patience: Patience): Promise<HuImage> {
  await takeTurn(patience.signal);
  try {
    const worker = takeIdle() ?? (await start());
    if (patience.signal?.aborted === true) rest(worker);
    patience.signal?.throwIfAborted();
    return await ask(worker, file, patience);
  } finally {
    passTurn();
  }
}

/** Ends the idle decoding threads; a later decode starts new ones. They never keep a process from ending. */
export async function closeDecoders(): Promise<void> {
  const workers = [...idle];
  idle.clear();
  await Promise.all(workers.map(async (worker) => worker.terminate()));
}

async function takeTurn(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  if (busy < WORKERS_MAX) {
    busy += 1;
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      waiting.splice(waiting.indexOf(turn), 1);
      reject(signal?.reason as Error);
    };
    const turn = () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    waiting.push(turn);
  });
}

/** The turn goes to the next in line, or back. */
function passTurn(): void {
  const next = waiting.shift();
  if (next === undefined) busy -= 1;
  else next();
}

function takeIdle(): Worker | undefined {
  const [worker] = idle;
  if (worker === undefined) return undefined;
  idle.delete(worker);
  worker.ref();
  return worker;
}

function rest(worker: Worker): void {
  worker.unref();
  idle.add(worker);
}

async function start(): Promise<Worker> {
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    // The parent's flags (a debugger, a test runner's loader) are none of its business.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB, maxYoungGenerationSizeMb: 16 },
  });
  // An idle thread that dies is forgotten; a busy one is reported by ask().
  worker.on('error', ignore);
  worker.on('exit', () => idle.delete(worker));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      void worker.terminate();
      reject(new Error('the decoding thread did not start'));
    }, START_TIMEOUT_MS);
    worker.once('message', () => resolve());
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the decoding thread ended while it started')));
    worker.once('message', () => clearTimeout(timer));
    worker.once('exit', () => clearTimeout(timer));
  });
  return worker;
}

async function ask(worker: Worker, file: Uint8Array, { timeoutMs, signal }: Patience): Promise<HuImage> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const onError = (error: Error) => reject(deathOf(error));
  const onExit = () => reject(new ImagingError('CORRUPT'));
  const onAbort = () => reject(signal?.reason as Error);
  const timer = setTimeout(() => reject(new ImagingError('DECODE_TIMEOUT')), timeoutMs);
  worker.once('message', resolve);
  worker.once('error', onError);
  worker.once('exit', onExit);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    // The thread gets a copy of its own: the caller's bytes may be a view into a shared pool.
    const copy = new Uint8Array(file);
    worker.postMessage(copy, [copy.buffer]);
    const answer = await promise;
    rest(worker);
    return imageOf(answer);
  } catch (error) {
    if (!idle.has(worker)) await worker.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    worker.off('message', resolve).off('error', onError).off('exit', onExit);
  }
}

function imageOf(answer: Answer): HuImage {
  if (answer.kind === 'image') return answer.image;
  if (answer.kind === 'refused') throw new ImagingError(answer.code, answer.message);
  throw new Error('the decoding thread answered out of turn');
}

function deathOf(error: Error): ImagingError {
  const outOfMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return new ImagingError(outOfMemory ? 'LIMIT_EXCEEDED' : 'CORRUPT', undefined, { cause: error });
}

function ignore(): void {}
