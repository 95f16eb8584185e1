import type { Source } from './series.ts';

// A file of 200 MB from a slow store; past it, the store is down and the caller should hear of it.
const READ_TIMEOUT_MS = 120_000;

/** The bytes of a source. Rejects with the source's own error, the signal's reason, or an Error after two minutes. */
export async function readSource(source: Source, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted();
  const { promise: given, reject } = Promise.withResolvers<never>();
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  const timer = setTimeout(() => stop.abort(new Error('a source took too long to read')), READ_TIMEOUT_MS);
  stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error), { once: true });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    // A source may not listen to its signal.
    return await Promise.race([source.read(stop.signal), given]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
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
        signal.throwIfAborted();
        const next = await queue.next();
        if (next.done === true) return;
        await task(next.value, signal);
      }
    } catch (error) {
      stop.abort(error);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  await queue.return(undefined);
  stop.signal.throwIfAborted();
}

/** A generator lines up calls of next(), which other iterators need not. */
async function* each<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
}
