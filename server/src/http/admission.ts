/** A Fastify request's way through the gate. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Limits } from '../config.ts';
import { ServerError } from '../errors.ts';
import type { Admission, Arrival, Ask, Gate, Job } from '../gate.ts';
import type { Facts } from '../observe/witness.ts';
import type { Outcomes } from '../outcome.ts';

/** The two ends of a route that answers with the model: whether to read the body at all, and what to do with it. */
export interface Entrance {
  /** The route's `onRequest`. */
  readonly admit: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /** Before `bytes` more of a body that was not announced are kept; throws QUEUE_FULL. */
  readonly hold: (request: FastifyRequest, bytes: number) => void;
  /** In the route's handler, once. */
  readonly run: <T>(
    request: FastifyRequest,
    ask: Pick<Ask, 'images' | 'isSeries' | 'deadlineMs'>,
    work: (job: Job) => Promise<T>,
  ) => Promise<T>;
  /** Whether a request asked for an answer of the model, whatever became of it. */
  readonly asks: (request: FastifyRequest) => boolean;
}

export function createEntrance(
  gate: Gate,
  outcomes: Pick<Outcomes, 'spanOf' | 'noteFacts'>,
  limits: Limits,
): Entrance {
  const asked = new WeakSet<FastifyRequest>();
  const admissions = new WeakMap<FastifyRequest, { admission: Admission; gone: AbortController }>();
  return {
    asks: (request) => asked.has(request),
    admit: async (request, reply) => {
      asked.add(request);
      const encoding = request.headers['content-encoding'];
      const maxBytes = maxBytesOf(request.headers, limits);
      const admission = gate.admit({ ...arrivalOf(request.headers), maxBytes });
      if (encoding !== undefined && encoding !== 'identity') {
        admission.end();
        throw new ServerError('CONTENT_ENCODING_UNSUPPORTED');
      }
      const gone = new AbortController();
      admissions.set(request, { admission, gone });
      reply.raw.once('close', () => {
        admission.end();
        gone.abort();
      });
    },
    hold: (request, bytes) => admissions.get(request)?.admission.hold(bytes),
    run: async (request, ask, work) => {
      const admitted = admissions.get(request);
      if (admitted === undefined) throw new Error('a route without admit');
      const route = request.routeOptions.url ?? '';
      const span = outcomes.spanOf(request);
      const note = (facts: Facts): void => outcomes.noteFacts(request, facts);
      const { caller } = request;
      const name = caller === null || caller.via === 'open' ? undefined : caller.name;
      const known = { requestId: request.id, route, caller: name, span, note, gone: admitted.gone.signal };
      return admitted.admission.run({ ...ask, ...known }, work);
    },
  };
}

/** How long a client waits: its own word, and Envoy's, which knows its route's time limit and puts in what is left. */
const DEADLINE_HEADERS = ['x-request-timeout-ms', 'x-envoy-expected-rq-timeout-ms'] as const;
const DAY_MS = 86_400_000;

function arrivalOf(headers: IncomingHttpHeaders): Arrival {
  const length = lengthOf(headers);
  const deadlines = DEADLINE_HEADERS.map((name) => headers[name]).filter((value) => value !== undefined);
  return {
    ...(length === undefined ? {} : { bytes: length }),
    ...(deadlines.length === 0 ? {} : { deadlineMs: Math.min(...deadlines.map(milliseconds)) }),
  };
}

function milliseconds(value: string | string[]): number {
  const ms = typeof value === 'string' && /^[0-9]{1,8}$/.test(value) ? Number(value) : 0;
  if (ms < 1 || ms > DAY_MS) throw new ServerError('DEADLINE_INVALID');
  return ms;
}

/** Of the body, where the client says it. */
export function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length'];
  // Beside chunks a length means nothing.
  return length === undefined || headers['transfer-encoding'] !== undefined ? undefined : Number(length);
}

/** The most of a body of this type: only forms and archives hold a series. */
export function maxBytesOf(headers: IncomingHttpHeaders, limits: Limits): number {
  const type = headers['content-type']?.toLowerCase() ?? '';
  return SERIES_TYPES.test(type) ? limits.maxSeriesBytes : limits.maxBodyBytes;
}

const SERIES_TYPES = /^\s*(multipart\/form-data|application\/(zip|x-zip-compressed))\s*(;|$)/;

/** The whole body of a request, as the parser of app.ts leaves it. */
export function bodyOf({ body }: FastifyRequest): Uint8Array {
  if (body instanceof ServerError) throw body;
  if (!(body instanceof Uint8Array) || body.byteLength === 0) throw new ServerError('BODY_EMPTY');
  return body;
}
