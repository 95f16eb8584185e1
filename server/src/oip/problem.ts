/** Refusals that clients of the Open Inference Protocol read: they look for `error` in the body. */
import { type Problem, problemSchema } from '@hilum/wire';
import type { preSerializationHookHandler } from 'fastify';

/** A problem body gets the member `error`, which RFC 9457 allows and the protocol asks for; all else stays as it is. */
export const withError: preSerializationHookHandler = (_request, reply, payload, done) => {
  const isProblem = reply.statusCode >= 400 && problemSchema.safeParse(payload).success;
  done(null, isProblem ? { error: (payload as Problem).detail, ...(payload as Problem) } : payload);
};
