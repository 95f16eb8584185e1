/**
 * Reads one's own writes: the watch shows a write some milliseconds after the API server took it, and a decision on the
 * state before it could contradict what was just decided.
 */
import { keyOf, type KubeObject } from './kube/index.ts';

export interface Newest {
  /** An object as the API server answered a write of ours. */
  wrote(object: KubeObject): void;
  /** The newer of the cached object and what was written last. */
  of(cached: KubeObject): KubeObject;
  forget(key: string): void;
}

export function createNewest(): Newest {
  const written = new Map<string, KubeObject>();
  return {
    wrote: (object) => {
      written.set(keyOf(object), object);
    },
    of: (cached) => {
      const key = keyOf(cached);
      const mine = written.get(key);
      if (mine === undefined) return cached;
      if (mine.metadata.uid === cached.metadata.uid && versionOf(mine) > versionOf(cached)) return mine;
      written.delete(key);
      return cached;
    },
    forget: (key) => {
      written.delete(key);
    },
  };
}

/** Comparable among versions of one object: etcd's revision, as Kubernetes promises since 1.35 and always did. */
function versionOf({ metadata }: KubeObject): bigint {
  const text = metadata.resourceVersion ?? '';
  return /^[0-9]+$/.test(text) ? BigInt(text) : 0n;
}
