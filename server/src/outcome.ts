/** What becomes of a request: errors become problem bodies, and each end is counted, traced and, once, logged. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { BadHttp } from './bad-http.ts';
import {
  ERROR_CODES,
  type ErrorCode,
  PROBLEM_TYPE,
  ServerError,
  problemOf,
  toServerError,
} from './errors.ts';
import type { Metrics } from './metrics.ts';
import { NO_SPAN, type RequestSpan, type Tracer } from './observe/span.ts';
import type { Facts } from './observe/witness.ts';

/** Tells the code of an answer that is not OK and did not come from an error. */
export type NoteCode = (request: FastifyRequest, code: ErrorCode) => void;

export interface Outcomes {
  readonly noteCode: NoteCode;
  /** Adds to the line that is logged when the request ends. */
  readonly noteFacts: (request: FastifyRequest, facts: Facts) => void;
  /** Of the request, where it is traced. */
  readonly spanOf: (request: FastifyRequest) => RequestSpan;
}

export interface OutcomeOptions {
  readonly metrics: Metrics;
  readonly badHttp: BadHttp;
  readonly tracer: Tracer;
  /** Whether a request asked for an answer of the model. */
  readonly asks: (request: FastifyRequest) => boolean;
  readonly now: () => number;
}

/** Installs the error handlers and all that looks at the end of a request. */
export function watchOutcomes(
  app: FastifyInstance,
  { metrics, badHttp, tracer, asks, now }: OutcomeOptions,
): Outcomes {
  const codes = new WeakMap<FastifyRequest, ErrorCode>();
  const spans = new WeakMap<FastifyRequest, RequestSpan>();
  const facts = new WeakMap<FastifyRequest, Facts>();
  const encoding = new WeakMap<FastifyRequest, number>();
  const spanOf = (request: FastifyRequest): RequestSpan => spans.get(request) ?? NO_SPAN;
  const noteFacts = (request: FastifyRequest, more: Facts): void => {
    facts.set(request, { ...facts.get(request), ...more });
  };

  app.addHook('onRequest', (request, reply, done) => {
    const startedAt = now();
    const route = request.routeOptions.url ?? 'none';
    const span = isPolled(route) ? NO_SPAN : tracer.arrive(arrivalOf(request));
    spans.set(request, span);
    const { traceId } = span;
    if (traceId !== undefined) {
      request.log = request.log.child({ traceId });
      reply.log = request.log;
    }
    let finished = false;
    reply.raw.once('finish', () => {
      finished = true;
    });
    reply.raw.once('close', () => {
      const code = finished ? codes.get(request) : lostCode(request);
      const status = code === undefined ? reply.statusCode : ERROR_CODES[code].status;
      const seconds = (now() - startedAt) / 1000;
      metrics.requests.inc({ route, status, code: code ?? 'OK' });
      metrics.requestSeconds.observe({ route }, seconds);
      if (code !== undefined && asks(request)) metrics.refusals.inc({ code });
      if (code !== undefined) span.fail(code);
      span.answered({ route, status, code: code ?? 'OK', seconds });
      if (!isPolled(route)) logEnd(request, { route, status, code, seconds, ...facts.get(request) });
    });
    done();
  });

  app.addHook('preSerialization', async (request) => {
    if (asks(request)) encoding.set(request, now());
  });
  app.addHook('onSend', async (request) => {
    const from = encoding.get(request);
    if (from === undefined) return;
    const until = now();
    metrics.stageSeconds.encode.observe((until - from) / 1000);
    spanOf(request).child('encode', { atMs: from }).end(until);
  });

  /** Why a connection closed before its answer was written. */
  const lostCode = (request: FastifyRequest): ErrorCode =>
    badHttp.wasLate(request.raw.socket) ? 'BODY_TIMEOUT' : 'CLIENT_GONE';

  const refuse = (request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply => {
    const error = toServerError(thrown);
    const problem = problemOf(error, request.id);
    codes.set(request, error.code);
    if (problem.status === 500) logBug(request, error);
    if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds));
    return reply.code(problem.status).header('cache-control', 'no-store').type(PROBLEM_TYPE).send(problem);
  };
  app.setErrorHandler((error, request, reply) => refuse(request, reply, error));
  app.setNotFoundHandler((request, reply) => refuse(request, reply, new ServerError('NOT_FOUND')));
  return { noteCode: (request, code) => codes.set(request, code), noteFacts, spanOf };
}

/** Addresses that machines ask every few seconds, and the files of pages: neither a line nor a trace. */
function isPolled(route: string): boolean {
  return route === '/metrics' || route.startsWith('/v2/health/') || route.includes('*') || POLLED.has(route);
}

const POLLED = new Set(['/ping', '/health', '/version']);

function arrivalOf({ method, id, headers }: FastifyRequest): Parameters<Tracer['arrive']>[0] {
  const { traceparent, tracestate } = headers;
  return { method, requestId: id, traceparent: single(traceparent), tracestate: single(tracestate) };
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** One line a request. Codes only: the text of an error may quote the file that caused it. */
function logEnd(
  request: FastifyRequest,
  end: Facts & { readonly status: number; readonly code: ErrorCode | undefined; readonly seconds: number },
): void {
  const { seconds, code, ...rest } = end;
  const line = { ...rest, code: code ?? 'OK', ms: Math.round(seconds * 100_000) / 100 };
  if (code === undefined) request.log.info(line, 'request answered');
  else if (end.status < 500) request.log.info(line, 'request refused');
  else request.log.warn(line, 'request refused');
}

/** Where it happened, without the words of the error: they may quote the file that caused it. */
function logBug(request: FastifyRequest, { code, cause }: ServerError): void {
  const stack = cause instanceof Error ? (cause.stack ?? '') : '';
  const frames = stack.split('\n').filter((line) => line.startsWith('    at '));
  request.log.error(
    { code, error: cause instanceof Error ? cause.name : typeof cause, frames },
    'request failed',
  );
}
