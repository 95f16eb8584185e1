import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ImagingError } from '../errors.ts';
import { LIMITS } from './limits.ts';
import type { Answer, Request } from './worker.ts';

export type Patience = { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined };

const WORKERS_MAX = Math.min(4, availableParallelism());
// A thread that does not start in this time is a broken installation or a machine out of memory, not a bad file.
const START_TIMEOUT_MS = 60_000;
// A new thread costs some 50 ms of a core, a slice a few: a server whose clients leave, because it is slow, would be
// slower still if each of them cost it a thread.
const GRACE_MS = 250;

const all = new Set<Worker>();
const idle = new Set<Worker>();
const waiting: (() => void)[] = [];
let busy = 0;

type Task = Exclude<Request, { task: 'forget' }>;
type Result = Exclude<Answer, { kind: 'ready' | 'refused' }>;

/**
 * Has a thread with a bounded heap do one task on one DICOM file. `timeoutMs` counts from the moment a thread takes
 * the task; past it the thread is ended and the file refused as DECODE_TIMEOUT. Tasks wait for a free thread, and
 * each one ahead is bounded by its own deadline. An abort rejects at once with the signal's reason; the thread has a
 * moment more to end what it does, before it is ended.
 */
export async function runInWorker(task: Task, patience: Patience): Promise<Result> {
  const { signal } = patience;
  await takeTurn(signal);
  let working: Promise<Result> | undefined;
  try {
    const worker = takeIdle() ?? (await start());
    if (signal?.aborted === true) rest(worker);
    signal?.throwIfAborted();
    working = ask(worker, task, patience);
    void working.catch(ignore).finally(passTurn);
    return await unlessAborted(working, signal);
  } finally {
    if (working === undefined) passTurn();
  }
}

/** Lets every thread drop the shared file `id`; one at work does it after its task. */
export function forgetInWorkers(id: number): void {
  const request: Request = { task: 'forget', id };
  for (const worker of all) worker.postMessage(request, []);
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
    resourceLimits: { maxOldGenerationSizeMb: LIMITS.workerHeapMiB, maxYoungGenerationSizeMb: 16 },
  });
  // An idle thread that dies is forgotten; a busy one is reported by ask().
  worker.on('error', ignore);
  worker.on('exit', () => {
    idle.delete(worker);
    all.delete(worker);
  });
  all.add(worker);
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

async function ask(worker: Worker, task: Task, { timeoutMs, signal }: Patience): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const onError = (error: Error) => reject(deathOf(error));
  const onExit = () => reject(new ImagingError('CORRUPT'));
  const onLate = () => reject(new ImagingError('DECODE_TIMEOUT'));
  let timer = setTimeout(onLate, timeoutMs);
  const onAbort = () => {
    clearTimeout(timer);
    timer = setTimeout(onLate, Math.min(GRACE_MS, timeoutMs));
  };
  worker.once('message', resolve);
  worker.once('error', onError);
  worker.once('exit', onExit);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    send(worker, task);
    const answer = await promise;
    rest(worker);
    return resultOf(answer);
  } catch (error) {
    if (!idle.has(worker)) await worker.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    worker.off('message', resolve).off('error', onError).off('exit', onExit);
  }
}

async function unlessAborted<T>(working: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return working;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([working, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function send(worker: Worker, task: Task): void {
  if (task.task === 'open' || task.task === 'frame' || task.task === 'prepare') {
    worker.postMessage(task, []);
    return;
  }
  // The thread gets a copy of its own: the caller's bytes may be a view into a shared pool.
  const file = new Uint8Array(task.file);
  worker.postMessage({ ...task, file }, [file.buffer]);
}

function resultOf(answer: Answer): Result {
  if (answer.kind === 'refused') throw new ImagingError(answer.code, answer.message);
  if (answer.kind === 'ready') throw new Error('the decoding thread answered out of turn');
  return answer;
}

function deathOf(error: Error): ImagingError {
  const outOfMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return new ImagingError(outOfMemory ? 'LIMIT_EXCEEDED' : 'CORRUPT', undefined, { cause: error });
}

function ignore(): void {}
