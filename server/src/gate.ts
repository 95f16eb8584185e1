/** The way of every request for an answer, whatever protocol it came by: admitted, given room and a deadline, answered. */
import type { Limits } from './config.ts';
import type { Inferred, Place, PlaceOptions } from './batching/place.ts';
import type { Scheduler } from './batching/scheduler.ts';
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
   * @throws ServerError MODEL_NOT_READY, SHUTTING_DOWN, BODY_TOO_LARGE, QUEUE_FULL, DEADLINE_UNREACHABLE
   */
  readonly admit: (arrival?: Arrival) => Admission;
  /** The model, or the refusal of a request while there is none. */
  readonly served: () => ServedModel;
}

/** What is known of a request before its body. */
export interface Arrival {
  /** Of the body; absent where the client does not say: then the admission holds what comes, piece by piece. */
  readonly bytes?: number;
  /** The most of a body of its kind; default `limits.maxBodyBytes`. */
  readonly maxBytes?: number;
  /** The client waits so long, from now. */
  readonly deadlineMs?: number;
}

/** A request whose bytes may be in memory. */
export interface Admission {
  /** Once: takes room for images and a deadline, and gives both back when `work` ends. */
  readonly run: <T>(ask: Ask, work: (job: Job) => Promise<T>) => Promise<T>;
  /**
   * Before `bytes` more of a body that was not announced are kept.
   *
   * @throws ServerError QUEUE_FULL
   */
  readonly hold: (bytes: number) => void;
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
  /**
   * Images that are decoded, in the queue or in the engine at a time. Of a series less than it has: a few, so that
   * their decoding overlaps the engine's work and no room is taken that single images need.
   */
  readonly images: number;
  /** Its deadline is by default, and at most, `limits.seriesDeadlineMs` instead of `limits.deadlineMs`. */
  readonly isSeries?: boolean;
  /** From now. The earliest of this, the client's at `admit` and the limit holds. */
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
  let requests = 0;
  let bytesHeld = 0;

  const hold = (count: number, bytes: number): void => {
    requests += count;
    bytesHeld += bytes;
    metrics.inFlight.set(requests);
  };

  const assertRequests = (): void => {
    if (requests >= limits.inFlight) throw full('requests');
  };

  /** A body that is larger than all together may be comes in alone; `own` bytes of it are here already. */
  const assertMemory = (bytes: number, own = 0): void => {
    if (bytesHeld > own && bytesHeld + bytes > limits.bytesInFlight) throw full('bytes');
  };

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
    admit: (arrival = {}) => {
      const { maxBytes = limits.maxBodyBytes, deadlineMs: patienceMs = Number.POSITIVE_INFINITY } = arrival;
      const { bytes = 0 } = arrival;
      served();
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      assertRequests();
      assertMemory(bytes);
      scheduler.assertRoom(1, patienceMs);
      const leaveBy = now() + patienceMs;
      hold(1, bytes);
      let held = bytes;
      let ended = false;
      return {
        end: () => {
          if (ended) return;
          ended = true;
          hold(-1, -held);
        },
        hold: (more) => {
          if (ended) return;
          assertMemory(more, held);
          held += more;
          hold(0, more);
        },
        run: async (
          { images, isSeries = false, deadlineMs = Number.POSITIVE_INFINITY, gone, ...asked },
          work,
        ) => {
          const end = new AbortController();
          const leave = (): void => end.abort(new ServerError('CLIENT_GONE'));
          const mostMs = isSeries ? limits.seriesDeadlineMs : limits.deadlineMs;
          const withinMs = Math.max(0, Math.min(deadlineMs, mostMs, leaveBy - now()));
          const late = setTimeout(() => {
            end.abort(new ServerError('DEADLINE_EXCEEDED', `no answer within ${Math.round(withinMs)} ms`));
          }, withinMs);
          gone.addEventListener('abort', leave, { once: true });
          if (gone.aborted) leave();
          let place: Place | undefined;
          try {
            place = scheduler.enter(images, withinMs);
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

export function tooLarge(maxBytes: number): ServerError {
  return new ServerError('BODY_TOO_LARGE', `the body is larger than ${maxBytes} bytes`);
}

function full(what: 'requests' | 'bytes'): ServerError {
  return new ServerError('QUEUE_FULL', `as many ${what} are in flight as may be`, { retryAfterSeconds: 1 });
}
