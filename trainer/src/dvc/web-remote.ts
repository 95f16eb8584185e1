/** A store behind HTTP as a remote. */
import { type WebOptions, type WebStore, objectsOf } from '@hilum/store';
import type { Remote } from './remote.ts';
import { translatedLater } from './store-error.ts';

export function webRemote(store: WebStore, options: WebOptions): Remote {
  const objects = objectsOf(store, options);
  return {
    read: (path, from, signal) => translatedLater(objects.read(path, from, signal)),
    has: (path, signal) => translatedLater(objects.has(path, signal)),
    write: (path, source, signal) => translatedLater(objects.write(path, source, signal)),
  };
}
