/** What a store of objects can do, whatever it is. */

/** An object from `from` on: 0, or where the reader wished to go on. */
export interface ObjectBody {
  readonly from: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** A file that is stored as an object. */
interface ObjectSource {
  /** Path of the file on this machine. */
  readonly file: string;
  readonly bytes: number;
  /** 32 hex digits. */
  readonly md5: string;
}

/** Objects by path; every method may throw STORE_UNREACHABLE, STORE_REFUSED, STORE_CREDENTIALS, STORE_UNSUPPORTED and stops when the signal says so. */
export interface ObjectStore {
  /** The object, or undefined where it is absent; a store that cannot start at `from` gives all of it. */
  readonly read: (path: string, from: number, signal?: AbortSignal) => Promise<ObjectBody | undefined>;
  readonly has: (path: string, signal?: AbortSignal) => Promise<boolean>;
  /** Stores a file whole or not at all. */
  readonly write: (path: string, source: ObjectSource, signal?: AbortSignal) => Promise<void>;
}
