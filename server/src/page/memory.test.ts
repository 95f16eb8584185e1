/** Pixels are many times the file that they come from. */
import { connect } from 'node:net';
import { closeDecoders } from '@hilum/imaging';
import sharp from 'sharp';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { RENDERING, scratch, servedAs, writeRealPackage } from '../../test/fixtures.ts';
import { listen, metric, until } from '../../test/listening.ts';
import type { Engine } from '../engine/engine.ts';

afterAll(() => closeDecoders());

it('pixels that their client does not take are counted as memory', async () => {
  const dir = await scratch();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const model = servedAs(await writeRealPackage(dir.path), RENDERING);
  // Nothing is inferred.
  const engine = {} as unknown as Engine;
  const server = await listen({ engine, model, page: true, limits: { bytesInFlight: 20_000_000 } });
  const blank = { create: { width: 4_000, height: 4_000, channels: 3, background: 'grey' } } as const;
  const picture = await sharp(blank).toColourspace('b-w').png().toBuffer();
  const socket = connect(server.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.pause();
  socket.write(`POST /v1/pixels HTTP/1.1\r\nhost: x\r\ncontent-length: ${picture.byteLength}\r\n\r\n`);
  socket.write(picture);
  await until(async () => (await metric(server, 'hilum_decode_seconds_count')) === 1);
  const ask = async (): Promise<Response> =>
    fetch(`${server.url}/v1/pixels`, { method: 'POST', body: new Uint8Array(picture) });
  const refused = await ask();
  expect([refused.status, await refused.json()]).toEqual([
    503,
    expect.objectContaining({ code: 'QUEUE_FULL' }),
  ]);
  socket.destroy();
  await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 0);
  expect((await (await ask()).arrayBuffer()).byteLength).toBe(16_000_000);
});
