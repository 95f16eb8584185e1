import { once } from 'node:events';
import { type Socket, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { steadyFetch } from './steady-fetch.ts';

/** Answers with less than it promises, and closes the connection at once. */
async function aStore(sends: number, promises: number): Promise<{ url: string; closed: Promise<unknown> }> {
  const closed = Promise.withResolvers<undefined>();
  const server = createServer((socket: Socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${promises}\r\nx-note: a\r\nx-note: b\r\n\r\n`);
      socket.end(Buffer.alloc(sends, 1));
    });
    socket.on('error', () => undefined);
    socket.once('close', () => closed.resolve(undefined));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, closed: closed.promise };
}

describe('a download', () => {
  it('that breaks off while nobody reads fails when it is read, and ends no process', async () => {
    const { url } = await aStore(64 * 1024, 10_000_000);
    const answer = await steadyFetch(url);
    for (let n = 0; n < 100; n += 1) await turn();
    expect(answer.headers.get('x-note')).toBe('a, b');
    let bytes = 0;
    const read = async (): Promise<void> => {
      const body = answer.body as AsyncIterable<Uint8Array>;
      for await (const chunk of body) bytes += chunk.length;
    };
    await expect(read()).rejects.toMatchObject({ message: 'aborted' });
    expect(bytes).toBe(64 * 1024); // all that came, so that the next try goes on behind it
  });

  it('that is whole is whole', async () => {
    const { url } = await aStore(3_000_000, 3_000_000);
    expect((await (await steadyFetch(url)).arrayBuffer()).byteLength).toBe(3_000_000);
  });

  it('from where nobody listens fails as fetch does, and for a signal with its reason', async () => {
    await expect(steadyFetch('http://127.0.0.1:9')).rejects.toMatchObject({
      name: 'TypeError',
      cause: { code: 'ECONNREFUSED' },
    });
    const reason = new Error('no longer wanted');
    const { url } = await aStore(1, 1);
    await expect(steadyFetch(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
