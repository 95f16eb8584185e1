/** What a DVC remote can do, whatever it is, and who may ask it. */

/** An object from `from` on: 0, or where the reader wished to go on. */
interface ObjectBody {
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

/** A store of objects by path; every method may throw DATASET_UNREACHABLE, DATASET_FORBIDDEN, REMOTE_UNSUPPORTED and stops when the signal says so. */
export interface Remote {
  /** The object, or undefined where it is absent; a remote that cannot start at `from` gives all of it. */
  readonly read: (path: string, from: number, signal?: AbortSignal) => Promise<ObjectBody | undefined>;
  readonly has: (path: string, signal?: AbortSignal) => Promise<boolean>;
  /** Stores a file whole or not at all. */
  readonly write: (path: string, source: ObjectSource, signal?: AbortSignal) => Promise<void>;
}

/** Basic, `Authorization: Bearer …` or `token …`, or a header of the server's own. */
export type RemoteAuth =
  | { readonly username: string; readonly password: string }
  | { readonly token: string; readonly scheme?: 'Bearer' | 'token' }
  | { readonly header: string; readonly value: string };
