/**
 * Keeps a store equal to a collection of the API server: a paged list, then a watch from its resourceVersion, for ever.
 *
 * Specified by client-go's reflector. What can go wrong and what follows:
 * - the stream ends in time (we ask for 5 to 10 minutes) → watch on from the last resourceVersion, at once;
 * - reset, 5xx, 429, a line that is not JSON, an ERROR event, a watch that ends as it begins → the same after a back-off;
 * - no byte for 150 s (the server sends a bookmark each minute) → the connection is dead, the same;
 * - 410, as a status or in the stream, or a resourceVersion that keeps failing → list again.
 */
import { createBackoff } from './backoff.ts';
import { sleep, type Clock } from './clock.ts';
import { decodeList, decodeWatchEvent, parseJson, type WatchEvent } from './decode.ts';
import { ApiError, isGone } from './errors.ts';
import { linesOf } from './lines.ts';
import { keyOf, pathOf, type KubeObject, type Resource } from './object.ts';
import type { WritableStore } from './store.ts';
import type { Transport } from './transport.ts';

/** What happened to one object. A replaced object (new uid under an old name) is a deletion, then an addition. */
export type Change<T> =
  | { readonly type: 'added'; readonly object: T }
  | { readonly type: 'updated'; readonly object: T; readonly old: T }
  /** `object` is the last state known, which after a relist may be older than the one that was deleted. */
  | { readonly type: 'deleted'; readonly object: T };

export interface ReflectorOptions<T extends KubeObject> {
  readonly transport: Transport;
  readonly resource: Resource;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly store: WritableStore<T>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
  /** Called after the store has changed, in order; must not throw and must not block. */
  readonly onEvent: (change: Change<T>) => void;
  /** Called for each failure that the reflector is about to recover from. */
  readonly onProblem?: (problem: unknown) => void;
  /** Raw object → T. An object for which it throws is a problem, and absent from the store. */
  readonly decode: (raw: KubeObject) => T;
  /** Objects per page; default 500. */
  readonly pageSize?: number;
  /** A watch without a byte for so long is dead; default 150 s. */
  readonly idleMs?: number;
}

export interface Reflector {
  readonly resource: Resource;
  /** Resolves when the signal aborts; never rejects. Call once. */
  run(): Promise<void>;
}

const PAGE = 500;
const IDLE_MS = 150_000;
const BACKOFF = { minMs: 800, maxMs: 30_000, jitter: 0.5 };
/** After so many watches in a row that failed without an event, the resourceVersion itself is suspect. */
const SUSPECT_AFTER = 5;
/** A watch that ends sooner than this, without an event, counts as a failure: else it would be reopened in a loop. */
const SHORT_MS = 1_000;

export function createReflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector {
  const { transport, resource, store, signal, clock, random, onEvent, decode } = options;
  const path = pathOf(resource);
  const selectors = { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector };
  const backoff = createBackoff({ ...BACKOFF, random });
  let resourceVersion: string | undefined;
  let failures = 0;

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        if (resourceVersion === undefined) await list();
        else await watch(resourceVersion);
      } catch (error) {
        if (signal.aborted) return;
        options.onProblem?.(error);
        failures += 1;
        if (isGone(error) || failures >= SUSPECT_AFTER) resourceVersion = undefined;
        await sleep(clock, waitMs(error), signal);
      }
    }
  }

  /** The first relist after a 410 needs no wait: the server is well, we were late. */
  function waitMs(error: unknown): number {
    if (isGone(error) && failures === 1) return 0;
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(asked, backoff.next());
  }

  function healthy(): void {
    failures = 0;
    backoff.reset();
  }

  async function list(): Promise<void> {
    const found = new Map<string, KubeObject>();
    let next: string | undefined;
    let limit: number | undefined = options.pageSize ?? PAGE;
    let version: string;
    for (;;) {
      // No resourceVersion: the most recent state, so that a restart never goes back in time.
      const query = { ...selectors, limit, continue: next };
      try {
        const page = decodeList(await transport.request('GET', path, { query, signal, timeoutMs: 60_000 }));
        for (const item of page.items) found.set(keyOf(item), item);
        version = page.resourceVersion;
        next = page.continue;
      } catch (error) {
        if (!isGone(error) || next === undefined) throw error;
        // The snapshot was compacted while we paged through it. Once more in one piece, which cannot expire.
        found.clear();
        next = undefined;
        limit = undefined;
        continue;
      }
      store.touch();
      if (next === undefined) break;
    }
    replace(found);
    store.synced();
    resourceVersion = version;
  }

  function replace(found: ReadonlyMap<string, KubeObject>): void {
    for (const object of store.list()) if (!found.has(keyOf(object))) drop(keyOf(object));
    for (const object of found.values()) take(object);
  }

  async function watch(from: string): Promise<void> {
    const idle = new AbortController();
    const stop = (): void => idle.abort();
    signal.addEventListener('abort', stop, { once: true });
    const dog = watchdog(clock, options.idleMs ?? IDLE_MS, stop);
    const started = clock.elapsed();
    let events = 0;
    try {
      const query = {
        ...selectors,
        watch: true,
        resourceVersion: from,
        allowWatchBookmarks: true,
        // Random, so that watches opened together do not all come back together.
        timeoutSeconds: 300 + Math.floor(random() * 300),
      };
      const chunks = await transport.stream(path, { query, signal: idle.signal });
      store.touch();
      const alive = (): void => {
        dog.feed();
        store.touch();
      };
      for await (const line of linesOf(chunks, alive)) {
        handle(decodeWatchEvent(parseJson(line)));
        events += 1;
        healthy();
      }
      if (events === 0 && clock.elapsed() - started < SHORT_MS) throw problem('the watch ended as it began');
      healthy();
    } catch (error) {
      if (dog.barked) throw problem('the watch was silent for too long');
      throw error;
    } finally {
      dog.end();
      signal.removeEventListener('abort', stop);
    }
  }

  function problem(what: string): ApiError {
    return new ApiError({ status: 0, reason: 'WatchFailed', message: `${path}: ${what}` });
  }

  function handle(event: WatchEvent): void {
    switch (event.type) {
      case 'ERROR':
        throw ApiError.fromStatus(event.status, `watch ${path}`);
      case 'BOOKMARK':
        if (event.resourceVersion !== '') resourceVersion = event.resourceVersion;
        return;
      case 'DELETED':
        drop(keyOf(event.object), event.object);
        break;
      case 'ADDED':
      case 'MODIFIED':
        take(event.object);
        break;
    }
    resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
  }

  function take(raw: KubeObject): void {
    const key = keyOf(raw);
    let object: T;
    try {
      object = decode(raw);
    } catch (error) {
      options.onProblem?.(error);
      drop(key);
      return;
    }
    const old = store.get(key);
    if (old !== undefined && old.metadata.uid !== object.metadata.uid) drop(key);
    else if (old !== undefined && old.metadata.resourceVersion === object.metadata.resourceVersion) return;
    const before = store.get(key);
    store.put(object);
    onEvent(before === undefined ? { type: 'added', object } : { type: 'updated', object, old: before });
  }

  function drop(key: string, last?: KubeObject): void {
    const old = store.get(key);
    if (old === undefined) return;
    store.remove(key);
    onEvent({ type: 'deleted', object: last === undefined ? old : decodeOr(last, old) });
  }

  function decodeOr(raw: KubeObject, otherwise: T): T {
    try {
      return decode(raw);
    } catch {
      return otherwise;
    }
  }

  return { resource, run };
}

/** Calls `bark` once when not fed for `ms`. One timer for the whole watch, however many chunks come. */
function watchdog(clock: Clock, ms: number, bark: () => void) {
  let fedAt = clock.elapsed();
  let barked = false;
  let cancel = clock.after(ms, look);
  function look(): void {
    const left = ms - (clock.elapsed() - fedAt);
    if (left > 0) {
      cancel = clock.after(left, look);
      return;
    }
    barked = true;
    bark();
  }
  return {
    feed: () => {
      fedAt = clock.elapsed();
    },
    end: () => cancel(),
    get barked() {
      return barked;
    },
  };
}
