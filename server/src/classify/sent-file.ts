/** One file that a client sent. */
export interface SentFile {
  /** As the client named it: for the answer to that client alone, and never a path. */
  readonly name: string;
  /** May be called again. Throws ServerError. */
  readonly read: (signal?: AbortSignal) => Promise<Uint8Array>;
}
