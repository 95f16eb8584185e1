/** The served model's life: fetched, verified, warmed up, answering, put down. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type AcquireOptions, acquire } from './sources/acquire.ts';
import { reasonOf } from './sources/reason.ts';
import type { Engine } from './engine/engine.ts';
import { type EngineOptions, startEngine } from './engine/worker.ts';
import { ServerError } from './errors.ts';
import { type AcquiredModel, GaveUp, type ModelState, type ServedModel } from './readiness.ts';

/** What the HTTP side needs of a model. */
export interface ModelHandle {
  readonly state: ModelState;
  /** As the engine's own; throws MODEL_NOT_READY too, where there is no engine. */
  readonly infer: Engine['infer'];
}

export interface ModelLife extends ModelHandle {
  /** Resolves at the first READY; rejects with GaveUp, or with the reason of a close before that. */
  readonly ready: Promise<ServedModel>;
  /** Resolves when the model can never answer (again). */
  readonly gaveUp: Promise<GaveUp>;
  /** Says SHUTTING_DOWN from now on, and goes on answering. */
  readonly retire: () => void;
  readonly close: () => Promise<void>;
}

export interface ModelOptions extends Omit<AcquireOptions, 'report' | 'signal'> {
  /** Called at each change, and with each piece of progress. */
  readonly onState: (state: ModelState) => void;
  /** The pauses between attempts, before jitter; default 0.5 s, doubling to 15 s. */
  readonly backoff?: { readonly firstMs: number; readonly maxMs: number };
  /** In [0, 1). */
  readonly random: () => number;
  readonly engine?: Omit<EngineOptions, 'onTrouble'>;
}

/** Starts at once; nothing is thrown here. */
export function startModel(options: ModelOptions): ModelLife {
  const stop = new AbortController();
  const gaveUp = Promise.withResolvers<GaveUp>();
  let state: ModelState = { code: 'RESOLVING', message: `resolving ${options.uri}` };
  let engine: Engine | undefined;

  const report = (next: ModelState): void => {
    if (state.code === 'SHUTTING_DOWN') return;
    state = next;
    options.onState(next);
  };

  const bringUp = async (): Promise<ServedModel> => {
    const model = await acquireWithPatience(options, report, stop.signal);
    report({ code: 'WARMING_UP', message: 'loading the weights' });
    let served: ServedModel | undefined;
    engine = await startEngine(model.info.dir, stop.signal, {
      ...options.engine,
      onTrouble: (why) => {
        if (why !== undefined) report({ code: 'ENGINE_STUCK', message: why });
        else if (served !== undefined) report({ code: 'READY', message: 'ready', model: served });
      },
    });
    void engine.died.then(fail);
    served = { ...model, engine: engine.facts };
    report({ code: 'READY', message: 'ready', model: served });
    return served;
  };

  const fail = (error: unknown): GaveUp => {
    engine = undefined;
    const end = asGaveUp(error);
    report({ code: end.code, message: end.message });
    gaveUp.resolve(end);
    return end;
  };

  const ready = bringUp().catch((error: unknown) => {
    throw stop.signal.aborted ? (stop.signal.reason as Error) : fail(error);
  });
  ready.catch(() => undefined); // nobody has to wait for it

  return {
    get state() {
      return state;
    },
    infer: async (batch, n, options) => {
      if (engine === undefined) throw new ServerError('MODEL_NOT_READY', state.message);
      return engine.infer(batch, n, options);
    },
    ready,
    gaveUp: gaveUp.promise,
    retire: () => {
      const { model } = state;
      report({ code: 'SHUTTING_DOWN', message: 'shutting down', ...(model === undefined ? {} : { model }) });
    },
    close: async () => {
      stop.abort(new Error('the server closes'));
      await ready.catch(() => undefined);
      await engine?.close();
      engine = undefined;
    },
  };
}

/** Asks again, with growing pauses, as long as an answer may still come. */
async function acquireWithPatience(
  options: ModelOptions,
  report: (state: ModelState) => void,
  signal: AbortSignal,
): Promise<AcquiredModel> {
  const { firstMs, maxMs } = options.backoff ?? { firstMs: 500, maxMs: 15_000 };
  for (let attempt = 1; ; attempt++) {
    try {
      return await acquire({ ...options, report, signal });
    } catch (error) {
      const code = signal.aborted ? undefined : reasonOf(error);
      if (code === undefined) throw error;
      const message = error instanceof Error ? error.message : String(error);
      // Jitter: the pods of one deployment must not all ask in the same moment.
      const pauseMs =
        Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 20)) * (0.75 + options.random() / 2);
      const again = `attempt ${attempt}, next in ${(pauseMs / 1000).toFixed(1)} s`;
      report({ code, message: `${message} (${again})` });
      await sleep(pauseMs, undefined, { signal });
    }
  }
}

function asGaveUp(error: unknown): GaveUp {
  if (error instanceof GaveUp) return error;
  const message = error instanceof Error ? error.message : String(error);
  const isSystemError = error instanceof Error && 'syscall' in error;
  return new GaveUp(isSystemError ? 'CACHE_FAILED' : 'ENGINE_FAILED', message, { cause: error });
}
