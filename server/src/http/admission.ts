/** A Fastify request's way through the gate. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServerError } from '../errors.ts';
import type { Admission, Ask, Gate, Job } from '../gate.ts';

/** The two ends of a route that answers with the model: whether to read the body at all, and what to do with it. */
export interface Entrance {
  /** The route's `onRequest`. */
  readonly admit: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /** In the route's handler, once. */
  readonly run: <T>(
    request: FastifyRequest,
    ask: Pick<Ask, 'images' | 'deadlineMs'>,
    work: (job: Job) => Promise<T>,
  ) => Promise<T>;
}

export function createEntrance(gate: Gate): Entrance {
  const admissions = new WeakMap<FastifyRequest, { admission: Admission; gone: AbortController }>();
  return {
    admit: async (request, reply) => {
      const encoding = request.headers['content-encoding'];
      const admission = gate.admit(Number(request.headers['content-length'] ?? 0));
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
    run: async (request, ask, work) => {
      const admitted = admissions.get(request);
      if (admitted === undefined) throw new Error('a route without admit');
      return admitted.admission.run({ ...ask, requestId: request.id, gone: admitted.gone.signal }, work);
    },
  };
}

/** The whole body of a request, as the parser of app.ts leaves it. */
export function bodyOf({ body }: FastifyRequest): Uint8Array {
  if (body instanceof ServerError) throw body;
  if (!(body instanceof Uint8Array) || body.byteLength === 0) throw new ServerError('BODY_EMPTY');
  return body;
}
