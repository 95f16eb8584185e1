import type { Source } from './series.ts';

// A file of 200 MB from a slow store; past it, the store is down and the caller should hear of it.
const READ_TIMEOUT_MS = 120_000;

/** The bytes of a source. Rejects with the source's own error, the signal's reason, or an Error after two minutes. */
export async function readSource(source: Source, signal: AbortSignal): Promise<Uint8Array> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Error('a source took too long to read')), READ_TIMEOUT_MS);
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    return await unlessAborted(async () => source.read(either), either);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs `task` on each item, at most `lanes` at a time, taking an item only when a lane is free. The first failure
 * aborts the signal that the other tasks were given, and is thrown once they ended.
 */
export async function inLanes<T>(
  items: AsyncIterable<T> | Iterable<T>,
  lanes: number,
  task: (item: T, signal: AbortSignal) => Promise<void>,
  outer?: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const queue = each(items);
  const lane = async (): Promise<void> => {
    try {
      for (;;) {
        const next = await unlessAborted(async () => queue.next(), signal);
        if (next.done === true) return;
        await task(next.value, signal);
      }
    } catch (error) {
      stop.abort(error);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  // Not awaited: an iterator that hangs in its next() answers no return().
  queue.return(undefined).catch(ignore);
  stop.signal.throwIfAborted();
}

/** A generator lines up calls of next(), which other iterators need not. */
async function* each<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
}

/** What others wrote may not listen to a signal. */
async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work(), promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function ignore(): void {}
