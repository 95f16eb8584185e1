import fastify from 'fastify';
import { afterAll, expect, it } from 'vitest';
import { ServerError } from '../errors.ts';
import { answerMethods } from './methods.ts';

const app = fastify();
answerMethods(app);
app.setErrorHandler((error, _request, reply) =>
  reply.send(error instanceof ServerError ? error.code : 'OTHER'),
);
app.get('/models/:name', async () => 'model');
app.post('/models/:name/infer', async () => 'answer');
// It only refuses, with words of its own.
app.route({
  method: ['PUT', 'DELETE'],
  url: '/models/:name/infer',
  schema: { hide: true },
  handler: async () => '',
});
afterAll(() => app.close());

it.each([
  ['POST', '/models/a', 'GET, HEAD'],
  ['QUERY', '/models/a?b=c', 'GET, HEAD'],
  ['TRACE', '/models/a/infer', 'POST'],
  ['OPTIONS', '/models/a/infer', 'POST'],
])('%s of an address that is there names its methods', async (method, url, allowed) => {
  const response = await app.inject({ method: method as 'GET', url });
  expect([response.body, response.headers['allow']]).toEqual(['METHOD_NOT_ALLOWED', allowed]);
});

it.each(['/models', '/models/a/b', '/'])('%s is not there, by any method', async (url) => {
  for (const method of ['GET', 'QUERY', 'TRACE']) {
    const response = await app.inject({ method: method as 'GET', url });
    expect([response.body, response.headers['allow']]).toEqual(['NOT_FOUND', undefined]);
  }
});
