import { type AddressInfo, connect } from 'node:net';
import fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { exchange, until } from '../../test/listening.ts';
import { dropSlowReaders } from './slow-reader.ts';

/** Answers `/` with what no buffer of a connection takes whole, and `/later` once it is let. */
async function serve() {
  const app = fastify();
  dropSlowReaders(app, 50);
  const later = Promise.withResolvers<string>();
  const ended: boolean[] = [];
  app.addHook('onRequest', async (_request, { raw }) => {
    raw.once('close', () => ended.push(raw.writableFinished));
  });
  app.get('/', async () => Buffer.alloc(64_000_000));
  app.get('/later', async () => later.promise);
  app.get('/now', async () => 'now');
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  return { port: (app.server.address() as AddressInfo).port, ended, later };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n`;

it('a client that does not take its answer keeps it no longer than a request may take to arrive', async () => {
  const { port, ended } = await serve();
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.pause();
  socket.write(`${get('/')}\r\n`);
  await until(() => ended.length === 1);
  expect(ended).toEqual([false]);
});

it('an answer that waits for the one before it on its connection is not late', async () => {
  const { port, later } = await serve();
  const text = exchange(port, `${get('/later')}\r\n${get('/now')}connection: close\r\n\r\n`);
  setTimeout(() => later.resolve('later'), 150);
  expect(await text).toMatch(/later[^]*now$/);
});
