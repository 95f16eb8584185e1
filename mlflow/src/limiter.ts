/** Lets at most `limit` pieces of work run at once; the others wait their turn in the order they came. */
export interface Limiter {
  run<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
}

export function createLimiter(limit: number): Limiter {
  let running = 0;
  const waiting = new Set<() => void>();

  async function enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (running < limit) {
      running += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        waiting.delete(go);
        reject(signal?.reason as Error);
      };
      // The one who ends hands its place over, so `running` stays as it is.
      const go = (): void => {
        waiting.delete(go);
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      waiting.add(go);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  function exit(): void {
    const [next] = waiting;
    if (next === undefined) running -= 1;
    else next();
  }

  return {
    async run(work, signal) {
      await enter(signal);
      try {
        return await work();
      } finally {
        exit();
      }
    },
  };
}
