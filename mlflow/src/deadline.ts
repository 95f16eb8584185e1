/** The end of a wait: too late, or no longer wanted. */
export interface Deadline {
  /** Aborts when the time is over or the caller's signal aborts. */
  readonly signal: AbortSignal;
  /** The time is over (and not: the caller gave up). */
  readonly passed: () => boolean;
  /** There was progress: the time starts anew. */
  readonly extend: () => void;
  /** To be called at the end, so that no timer keeps the process alive. */
  readonly clear: () => void;
}

export function startDeadline(timeoutMs: number, caller: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`no progress in ${timeoutMs} ms`)), timeoutMs);
  return {
    signal: caller === undefined ? controller.signal : AbortSignal.any([controller.signal, caller]),
    passed: () => controller.signal.aborted && caller?.aborted !== true,
    extend: () => {
      timer.refresh();
    },
    clear: () => clearTimeout(timer),
  };
}
