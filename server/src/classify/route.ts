/** `POST /v1/classify`: the bytes of one image in, a labelled answer out. */
import type { FastifyRequest } from 'fastify';
import type { Routes } from '../context.ts';
import { ServerError } from '../errors.ts';
import { bodyOf } from '../http/admission.ts';
import { routeSchemas } from '../openapi.ts';
import { classifyImage } from './image.ts';

export const classifyRoutes: Routes = (app, { entrance, metrics, noteFacts }) => {
  app.post('/v1/classify', {
    schema: routeSchemas.classify,
    onRequest: entrance.admit,
    handler: async (request) =>
      entrance.run(request, { images: 1 }, async (job) =>
        classifyImage(await imageBytes(request), job, {
          metrics,
          note: (facts) => noteFacts(request, facts),
        }),
      ),
  });
  app.route({
    method: ['GET', 'PUT', 'PATCH', 'DELETE'],
    url: '/v1/classify',
    schema: { hide: true },
    handler: async (_request, reply) => {
      reply.header('allow', 'POST');
      throw new ServerError(
        'METHOD_NOT_ALLOWED',
        'send the image with POST: curl --data-binary @slice.dcm URL',
      );
    },
  });
};

/** The image of a raw body, or of the one file of a form. What the type header says of the image is not trusted. */
async function imageBytes(request: FastifyRequest): Promise<Uint8Array> {
  const body = bodyOf(request);
  const type = request.headers['content-type'] ?? '';
  if (!type.toLowerCase().startsWith('multipart/form-data')) return body;
  // The platform's own parser works on a body that is whole and bounded already: no dependency is needed for this.
  const form = await new Response(body as Uint8Array<ArrayBuffer>, { headers: { 'content-type': type } })
    .formData()
    .catch((cause: unknown) => {
      throw new ServerError('MULTIPART_INVALID', undefined, { cause });
    });
  const files = [...form.values()].filter((value) => value instanceof Blob);
  const [file] = files;
  if (file === undefined || files.length > 1) {
    throw new ServerError('MULTIPART_INVALID', `the form holds ${files.length} files, not one`);
  }
  if (file.size === 0) throw new ServerError('BODY_EMPTY');
  return new Uint8Array(await file.arrayBuffer());
}
