/** Each gRPC call's way in and out: who asks, whether there is room, and, once, what became of it. */
import { randomUUID } from 'node:crypto';
import {
  type Metadata,
  ResponderBuilder,
  type ServerInterceptor,
  ServerInterceptingCall,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import type { FastifyBaseLogger } from 'fastify';
import type { Peer } from '../access/access.ts';
import type { ServerContext } from '../context.ts';
import { ERROR_CODES, type ErrorCode, ServerError, toServerError } from '../errors.ts';
import type { Admission } from '../gate.ts';
import type { Facts } from '../observe/witness.ts';
import { NO_SPAN, type RequestSpan } from '../observe/span.ts';
import { refusalOf } from './grpc-status.ts';

/** What is known of a call before its message. */
export interface Call {
  readonly requestId: string;
  readonly route: string;
  readonly caller: string | undefined;
  readonly span: RequestSpan;
  /** Of calls that ask for an answer of the model. */
  readonly admission: Admission | undefined;
  readonly gone: AbortSignal;
  readonly note: (facts: Facts) => void;
  /** The message is here whole. */
  readonly arrived: () => void;
  /** The code of the table with which the call was refused. */
  readonly fail: (code: ErrorCode) => void;
}

export interface CallsOptions {
  readonly context: ServerContext;
  readonly log: FastifyBaseLogger;
  /** Of the connection, by the address that gRPC has of it. */
  readonly peerOf: (address: string) => Peer;
  /** The wall clock: gRPC's deadlines are points in time. */
  readonly wallMs: () => number;
}

export interface Calls {
  readonly interceptor: ServerInterceptor;
  readonly of: (metadata: Metadata) => Call;
}

/**
 * gRPC does not say how long a message will be. What most receivers take at all is counted before it comes; what is
 * longer is counted once it is here.
 */
export const EXPECTED_BYTES = 4_194_304;

/** Health is open to everybody, as it is over HTTP. */
const OPEN = new Set(['ServerLive', 'ServerReady']);

export function createCalls({ context, log, peerOf, wallMs }: CallsOptions): Calls {
  const { gate, access, limits, now } = context;
  const calls = new WeakMap<Metadata, Call>();

  /** @returns the caller's name, where access is not open */
  const nameOf = async (metadata: Metadata, method: string, peer: Peer): Promise<string | undefined> => {
    if (OPEN.has(method)) return undefined;
    const caller = await access.authorise(headersOf(metadata), 'predict', peer);
    return caller.via === 'open' ? undefined : caller.name;
  };

  const admit = (method: string, deadlineMs: number): Admission | undefined => {
    if (method !== 'ModelInfer') return undefined;
    // Finite where the client gave one.
    const bytes = Math.min(limits.maxBodyBytes, EXPECTED_BYTES);
    return gate.admit({ bytes, ...(Number.isFinite(deadlineMs) && { deadlineMs: Math.max(1, deadlineMs) }) });
  };

  const interceptor: ServerInterceptor = ({ path: route }, call) => {
    const requestId = randomUUID();
    const outcome = watchOutcome(context, log, { route, requestId });
    const gone = new AbortController();
    let admission: Admission | undefined;
    let slow: NodeJS.Timeout | undefined;
    const leave = (code?: ErrorCode): void => {
      clearTimeout(slow);
      admission?.end();
      gone.abort();
      outcome.end(code);
    };
    const refuse = (error: ServerError): void => {
      outcome.fail(error.code);
      call.sendStatus(refusalOf(error, requestId));
      leave(error.code);
    };

    const receive = async (metadata: Metadata, next: (metadata: Metadata) => void): Promise<void> => {
      const method = route.slice(route.lastIndexOf('/') + 1);
      const deadlineMs = Number(call.getDeadline()) - wallMs();
      const span = outcome.arrive(metadata, method);
      const name = await nameOf(metadata, method, peerOf(call.getPeer()));
      if (name !== undefined) outcome.note({ caller: name });
      admission = admit(method, deadlineMs);
      // The client may have left while its key was looked up: then nobody waits for a message, nor for an answer.
      if (outcome.ended()) {
        admission?.end();
        return;
      }
      slow = setTimeout(() => refuse(new ServerError('BODY_TIMEOUT')), limits.bodyTimeoutMs);
      calls.set(metadata, {
        requestId,
        route,
        caller: name,
        span,
        admission,
        gone: gone.signal,
        note: outcome.note,
        arrived: () => clearTimeout(slow),
        fail: outcome.fail,
      });
      next(metadata);
    };

    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        void receive(metadata, next).catch((error: unknown) => refuse(toServerError(error)));
      })
      // Also where the deadline passed: gRPC has sent its status then, and the handler may still be at work.
      .withOnCancel(() => leave('CLIENT_GONE'))
      .build();
    const responder = new ResponderBuilder()
      .withStart((next) => next(listener))
      .withSendStatus((sent, next) => {
        next(sent);
        leave(sent.code === status.OK ? undefined : 'REQUEST_INVALID');
      })
      .build();
    return new ServerInterceptingCall(call, responder);
  };

  return {
    interceptor,
    of: (metadata) => {
      const call = calls.get(metadata);
      if (call === undefined) throw new Error(`a call without metadata at ${now()}`);
      return call;
    },
  };
}

interface Outcome {
  readonly arrive: (metadata: Metadata, method: string) => RequestSpan;
  readonly note: (facts: Facts) => void;
  readonly fail: (code: ErrorCode) => void;
  readonly ended: () => boolean;
  /** Once; `code` where nobody has told a better one. */
  readonly end: (code?: ErrorCode) => void;
}

/** The count, the trace and the one line of the log. Nothing that the client sent is in them. */
function watchOutcome(
  { metrics, tracer, now }: ServerContext,
  log: FastifyBaseLogger,
  { route, requestId }: { readonly route: string; readonly requestId: string },
): Outcome {
  const startedAt = now();
  let span: RequestSpan = NO_SPAN;
  let facts: Facts = {};
  let failed: ErrorCode | undefined;
  let ended = false;
  return {
    arrive: (metadata, method) => {
      const one = (key: string): string | undefined => metadata.get(key)[0]?.toString();
      if (OPEN.has(method)) return span;
      const [traceparent, tracestate] = [one('traceparent'), one('tracestate')];
      span = tracer.arrive({ method: 'POST', requestId, traceparent, tracestate });
      return span;
    },
    note: (more) => {
      facts = { ...facts, ...more };
    },
    fail: (code) => {
      failed ??= code;
    },
    ended: () => ended,
    end: (otherwise) => {
      if (ended) return;
      ended = true;
      const code = failed ?? otherwise;
      const status = code === undefined ? 200 : ERROR_CODES[code].status;
      const seconds = (now() - startedAt) / 1000;
      metrics.requests.inc({ route, status, code: code ?? 'OK' });
      metrics.requestSeconds.observe({ route }, seconds);
      if (code !== undefined) span.fail(code);
      if (code !== undefined && route.endsWith('/ModelInfer')) metrics.refusals.inc({ code });
      span.answered({ route, status, code: code ?? 'OK', seconds });
      if (OPEN.has(route.slice(route.lastIndexOf('/') + 1))) return;
      const ms = Math.round(seconds * 100_000) / 100;
      const { traceId } = span;
      const line = { requestId, ...(traceId === undefined ? {} : { traceId }), route, ...facts, status, ms };
      if (code === undefined) log.info({ ...line, code: 'OK' }, 'request answered');
      else log[status < 500 ? 'info' : 'warn']({ ...line, code }, 'request refused');
    },
  };
}

function headersOf(metadata: Metadata): Record<string, string | readonly string[] | undefined> {
  const entries = ['authorization', 'x-api-key'].map((name) => {
    const values = metadata.get(name).map(String);
    return [name, values.length > 1 ? values : values[0]] as const;
  });
  return Object.fromEntries(entries);
}
