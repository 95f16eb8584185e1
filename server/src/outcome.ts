/** One line a request for people, and one count for machines, whatever way a request ends. */
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

/** Tells the code of an answer that is not OK and did not come from an error. */
export type NoteCode = (request: FastifyRequest, code: ErrorCode) => void;

export interface OutcomeOptions {
  readonly metrics: Metrics;
  readonly badHttp: BadHttp;
  readonly now: () => number;
}

/**
 * Installs the error handlers, the counting and the log of refusals.
 */
export function watchOutcomes(
  app: FastifyInstance,
  { metrics, badHttp, now }: OutcomeOptions,
): NoteCode {
  const codes = new WeakMap<FastifyRequest, ErrorCode>();

  app.addHook('onRequest', (request, reply, done) => {
    const startedAt = now();
    let finished = false;
    reply.raw.once('finish', () => {
      finished = true;
    });
    reply.raw.once('close', () => {
      const route = request.routeOptions.url ?? 'none';
      const code = finished ? codes.get(request) : lostCode(request);
      const status = code === undefined ? reply.statusCode : ERROR_CODES[code].status;
      metrics.requests.inc({ route, status, code: code ?? 'OK' });
      metrics.requestSeconds.observe({ route }, (now() - startedAt) / 1000);
      if (route !== '/v1/classify' || code === undefined) return;
      metrics.refusals.inc({ code });
      logRefusal(request, code);
    });
    done();
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
  return (request, code) => codes.set(request, code);
}

/** Codes only: the text of an error may quote the file that caused it. */
function logRefusal(request: FastifyRequest, code: ErrorCode): void {
  const { status } = ERROR_CODES[code];
  if (status < 500) request.log.info({ code, status }, 'request refused');
  else request.log.warn({ code, status }, 'request refused');
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
