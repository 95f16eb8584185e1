/** A deadline that starts again whenever something arrives. */

export interface StallGuard {
  /** Aborts after the time without an arrival, or with the caller's signal. */
  readonly signal: AbortSignal;
  /** Passes bytes on; only the waiting for them counts, not what is done with them. */
  readonly watch: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  readonly end: () => void;
}

export function stallGuard(limitMs: number, caller?: AbortSignal): StallGuard {
  const stalled = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const start = (): void => {
    const reason = new DOMException(`nothing came for ${limitMs / 1000} s`, 'TimeoutError');
    timer = setTimeout(() => stalled.abort(reason), limitMs).unref();
  };
  const end = (): void => clearTimeout(timer);
  start();
  async function* watch(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      end();
      start();
      for await (const chunk of bytes) {
        end();
        yield chunk;
        start();
      }
    } finally {
      end();
    }
  }
  return {
    signal: caller === undefined ? stalled.signal : AbortSignal.any([caller, stalled.signal]),
    watch,
    end,
  };
}
