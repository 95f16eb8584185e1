/** The way of every request for an answer, whatever protocol it came by: admitted, given room and a deadline, answered. */
import type { Limits } from './config.ts';
import type { Place, PlaceOptions, Inferred, Scheduler } from './batching/scheduler.ts';
import { ServerError } from './errors.ts';
import type { Metrics, Stage } from './metrics.ts';
import type { ModelHandle } from './model.ts';
import { NO_SPAN, type Span } from './observe/span.ts';
import type { Facts, Said, Source, Witness, Witnesses } from './observe/witness.ts';
import type { ServedModel } from './readiness.ts';

export interface GateOptions {
  readonly model: ModelHandle;
  readonly scheduler: Scheduler;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly witnesses: Witnesses;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export interface Gate {
  /**
   * Before a byte of the body is read, so that overload costs nothing.
   *
   * @param bytes announced, where they are
   * @throws ServerError MODEL_NOT_READY, SHUTTING_DOWN, BODY_TOO_LARGE, QUEUE_FULL
   */
  readonly admit: (bytes?: number) => Admission;
  /** The model, or the refusal of a request while there is none. */
  readonly served: () => ServedModel;
}

/** A request whose bytes may be in memory. */
export interface Admission {
  /** Once: takes room for images and a deadline, and gives both back when `work` ends. */
  readonly run: <T>(ask: Ask, work: (job: Job) => Promise<T>) => Promise<T>;
  /** The request has ended, however. Safe to repeat. */
  readonly end: () => void;
}

export interface Ask {
  readonly requestId: string;
  /** As the router knows it: `/v1/classify`, `inference.GRPCInferenceService/ModelInfer`. */
  readonly route: string;
  /** The name of the caller's key, never the key. */
  readonly caller?: string | undefined;
  /** Of the request, where it is traced. */
  readonly span?: Span | undefined;
  /** Adds to the line that is logged of the request. */
  readonly note?: ((facts: Facts) => void) | undefined;
  /** Images that are in the queue or the engine at a time; of a series less than it has. */
  readonly images: number;
  /** From now; default and most `limits.deadlineMs`. */
  readonly deadlineMs?: number;
  /** Ends when the client leaves. */
  readonly gone: AbortSignal;
}

/** One request that is being answered. */
export interface Job {
  readonly requestId: string;
  readonly served: ServedModel;
  /** Ends with a ServerError: CLIENT_GONE or DEADLINE_EXCEEDED. */
  readonly signal: AbortSignal;
  /** Measures `work` as a stage of this request. */
  readonly timed: <T>(stage: Stage, work: () => T | Promise<T>) => Promise<{ value: T; ms: number }>;
  /** One image in its turn; the wait and the engine's time are measured, and the ledger gets it. */
  readonly infer: (tensor: Float32Array, options?: JobInferOptions) => Promise<Inferred>;
  /** What the answer will say of the image inferred last, or of all of them as a series: for ledger and counters. */
  readonly say: (said: Said) => void;
  /** Milliseconds since the work began. */
  readonly elapsedMs: () => number;
}

export interface JobInferOptions extends Omit<PlaceOptions, 'signal'> {
  /** The file that the tensor was made of; absent where the client sent the tensor. */
  readonly source?: Source | undefined;
}

export function createGate({ model, scheduler, limits, metrics, witnesses, now }: GateOptions): Gate {
  let inFlight = 0;

  const served = (): ServedModel => {
    const { state } = model;
    if (state.model !== undefined) return state.model;
    const code = state.code === 'SHUTTING_DOWN' ? 'SHUTTING_DOWN' : 'MODEL_NOT_READY';
    throw new ServerError(code, `${state.code}: ${state.message}`, { retryAfterSeconds: 5 });
  };

  const jobOf = (witness: Witness, requestId: string, place: Place, signal: AbortSignal): Job => {
    const startedAt = now();
    return {
      requestId,
      served: served(),
      signal,
      timed: witness.timed,
      infer: async (tensor, { source, ...options } = {}) =>
        witness.infer(tensor, source, async () => place.infer(tensor, { ...options, signal })),
      say: witness.say,
      elapsedMs: () => now() - startedAt,
    };
  };

  return {
    served,
    admit: (bytes = 0) => {
      served();
      if (bytes > limits.maxBodyBytes) throw tooLarge(limits);
      if (inFlight >= limits.inFlight) {
        throw new ServerError('QUEUE_FULL', `${inFlight} requests are in flight`, { retryAfterSeconds: 1 });
      }
      scheduler.assertRoom(1);
      inFlight += 1;
      metrics.inFlight.set(inFlight);
      let ended = false;
      return {
        end: () => {
          if (ended) return;
          ended = true;
          inFlight -= 1;
          metrics.inFlight.set(inFlight);
        },
        run: async ({ images, deadlineMs = limits.deadlineMs, gone, ...asked }, work) => {
          const end = new AbortController();
          const leave = (): void => end.abort(new ServerError('CLIENT_GONE'));
          const withinMs = Math.min(deadlineMs, limits.deadlineMs);
          const late = setTimeout(() => {
            end.abort(new ServerError('DEADLINE_EXCEEDED', `no answer within ${withinMs} ms`));
          }, withinMs);
          gone.addEventListener('abort', leave, { once: true });
          if (gone.aborted) leave();
          let place: Place | undefined;
          try {
            place = scheduler.enter(images);
            const witness = witnesses({ ...asked, span: asked.span ?? NO_SPAN, served: served() });
            const answer = await work(jobOf(witness, asked.requestId, place, end.signal));
            await witness.commit(end.signal);
            return answer;
          } catch (error) {
            // What was abandoned half-way may fail in its own words; the reason is ours.
            throw end.signal.aborted ? end.signal.reason : error;
          } finally {
            place?.leave();
            clearTimeout(late);
            gone.removeEventListener('abort', leave);
          }
        },
      };
    },
  };
}

export function tooLarge({ maxBodyBytes }: Limits): ServerError {
  return new ServerError('BODY_TOO_LARGE', `the body is larger than ${maxBodyBytes} bytes`);
}
