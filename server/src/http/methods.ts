/** An address that is there, asked by a method that it does not take: 405 and the methods that it does. */
import type { FastifyInstance } from 'fastify';
import { ServerError } from '../errors.ts';

/**
 * Before the routes are added. Fastify by itself answers 404, and 500 to a method that node's parser knows and it does
 * not, such as QUERY.
 */
export function answerMethods(app: FastifyInstance): void {
  const routes = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method, schema }) => {
    const methods = [method].flat();
    // A route of several methods that no page shows only refuses.
    if (methods.length > 1 && schema?.hide === true) return;
    routes.set(url, new Set([...(routes.get(url) ?? []), ...methods]));
  });
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return;
    const [path = ''] = request.url.split('?');
    const methods = new Set<string>();
    for (const [pattern, own] of routes) {
      if (fits(pattern, path)) for (const method of own) methods.add(method);
    }
    if (methods.size === 0) throw new ServerError('NOT_FOUND');
    reply.header('allow', [...methods].toSorted().join(', '));
    throw new ServerError('METHOD_NOT_ALLOWED');
  });
}

/** Segment by segment, where `:name` is any. What ends in `*` is a folder of files and takes no part. */
function fits(pattern: string, path: string): boolean {
  const want = pattern.split('/');
  const have = path.split('/');
  return want.length === have.length && want.every((part, at) => part === have[at] || part.startsWith(':'));
}
