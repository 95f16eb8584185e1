/** The page at `/`, and the pixels that it shows. */
import { decodeImage } from '@hilum/imaging';
import { PAGE_HEADERS, type PageAsset, readPage } from '@hilum/web';
import { PIXELS_HEADER } from '@hilum/wire';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Routes } from '../context.ts';
import { ServerError } from '../errors.ts';
import { bodyOf } from '../http/admission.ts';
import { pixelsOf } from './pixels.ts';
import { pixelsRouteSchema } from './schema.ts';

export const pageRoutes: Routes = async (app, { entrance, page }) => {
  if (!page) {
    app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('docs/'));
    return;
  }
  for (const asset of await readPage()) {
    app.get(`/${asset.path}`, { schema: { hide: true }, config: { role: 'open' } }, async (request, reply) =>
      sendAsset(request, reply, asset),
    );
  }
  app.post('/v1/pixels', {
    schema: pixelsRouteSchema,
    onRequest: entrance.admit,
    handler: async (request, reply) => {
      // No room in the engine's queue: nothing is inferred.
      const image = await entrance.run(request, { images: 0 }, async (job) => {
        const bytes = bodyOf(request);
        return job.timed('decode', () => decodeImage(bytes, { signal: job.signal }));
      });
      const { header, body } = pixelsOf(image.value);
      // Much more than the file that it came from, and there until the client has taken it.
      entrance.hold(request, body.byteLength);
      return reply
        .header(PIXELS_HEADER, JSON.stringify(header))
        .header('cache-control', 'no-store')
        .type('application/octet-stream')
        .send(body);
    },
  });
  app.route({
    method: ['GET', 'PUT', 'PATCH', 'DELETE'],
    url: '/v1/pixels',
    schema: { hide: true },
    handler: async (_request, reply) => {
      reply.header('allow', 'POST');
      throw new ServerError('METHOD_NOT_ALLOWED', 'send the image with POST');
    },
  });
};

function sendAsset(request: FastifyRequest, reply: FastifyReply, asset: PageAsset): FastifyReply {
  reply.headers(PAGE_HEADERS).header('etag', asset.etag);
  const known = request.headers['if-none-match'];
  if (known !== undefined && known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === asset.etag)) {
    return reply.code(304).send();
  }
  return reply.type(asset.type).send(asset.body);
}
