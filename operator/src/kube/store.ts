/** The last known objects of one collection, by key and by named indexes. */
import type { Clock } from './clock.ts';
import { keyOf, type KubeObject } from './object.ts';

/** The values under which an object is found in an index; empty when it is in none. */
type Indexer<T> = (object: T) => readonly string[];

/** What readers see. Objects are shared: never change one. */
export interface Store<T extends KubeObject> {
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Objects whose indexer `name` gave `value`; throws for an index that does not exist. */
  byIndex(name: string, value: string): readonly T[];
  /** True once the first complete list is in. */
  readonly hasSynced: boolean;
  /** Milliseconds since the API server last sent anything, bookmarks included; infinite before the first. */
  lastEventAgeMs(): number;
}

/** What a reflector writes. */
export interface WritableStore<T extends KubeObject> extends Store<T> {
  put(object: T): void;
  remove(key: string): void;
  /** The first list is complete. */
  synced(): void;
  /** Something came from the API server. */
  touch(): void;
}

export interface StoreOptions<T> {
  readonly clock: Clock;
  readonly indexers?: Readonly<Record<string, Indexer<T>>>;
}

export function createStore<T extends KubeObject>(options: StoreOptions<T>): WritableStore<T> {
  const { clock } = options;
  const objects = new Map<string, T>();
  const indexers = Object.entries(options.indexers ?? {});
  const indexes = new Map(indexers.map(([name]) => [name, new Map<string, Map<string, T>>()]));
  let hasSynced = false;
  let touchedAt = Number.NEGATIVE_INFINITY;

  function unindex(key: string): void {
    const object = objects.get(key);
    if (object === undefined) return;
    for (const [name, indexer] of indexers) {
      const index = indexes.get(name);
      for (const value of indexer(object)) {
        const bucket = index?.get(value);
        bucket?.delete(key);
        if (bucket?.size === 0) index?.delete(value);
      }
    }
  }

  return {
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    byIndex: (name, value) => {
      const index = indexes.get(name);
      if (index === undefined)
        throw new Error(`no index ${name}; there are: ${[...indexes.keys()].join(', ')}`);
      return [...(index.get(value)?.values() ?? [])];
    },
    get hasSynced() {
      return hasSynced;
    },
    lastEventAgeMs: () => clock.elapsed() - touchedAt,

    put: (object) => {
      const key = keyOf(object);
      unindex(key);
      objects.set(key, object);
      for (const [name, indexer] of indexers) {
        const index = indexes.get(name);
        for (const value of indexer(object)) {
          const bucket = index?.get(value) ?? new Map<string, T>();
          bucket.set(key, object);
          index?.set(value, bucket);
        }
      }
    },
    remove: (key) => {
      unindex(key);
      objects.delete(key);
    },
    synced: () => {
      hasSynced = true;
    },
    touch: () => {
      touchedAt = clock.elapsed();
    },
  };
}
