import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RENDERING, scratch, servedAs, writeRealPackage } from '../../test/fixtures.ts';
import type { HarnessOptions } from '../../test/harness.ts';
import { type Listening, exchange, listen, metric, until } from '../../test/listening.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';
import type { ServedModel } from '../readiness.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let model: ServedModel;
let engine: Engine;

beforeAll(async () => {
  dir = await scratch();
  model = servedAs(await writeRealPackage(dir.path), RENDERING);
  engine = await startEngine(dir.path, new AbortController().signal);
});

afterAll(async () => {
  await engine.close();
  await dir[Symbol.asyncDispose]();
});

const start = ({ limits = {} }: Pick<HarnessOptions, 'limits'> = {}): Promise<Listening> =>
  listen({ engine, model, limits });

const HEAD = 'POST /v1/classify HTTP/1.1\r\nhost: x\r\n';

describe('bodies', () => {
  it('that together need more memory than there is for them are refused, and one always fits', async () => {
    const server = await start({ limits: { bytesInFlight: 1_000, maxBodyBytes: 10_000 } });
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`${HEAD}content-length: 2000\r\n\r\nab`);
    await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 1);
    const small = `${HEAD}connection: close\r\ncontent-length: 3\r\n\r\nabc`;
    expect(await exchange(server.port, small)).toMatch(/^HTTP\/1\.1 503 [^]*"code":"QUEUE_FULL"/);
    socket.destroy();
    await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 0);
    expect(await exchange(server.port, small)).toContain('"code":"NOT_AN_IMAGE"');
  });
});

describe('a body that was not announced', () => {
  it('takes memory as it comes, and no more than there is', async () => {
    const server = await start({ limits: { bytesInFlight: 1_000, maxBodyBytes: 10_000 } });
    const head = `${HEAD}transfer-encoding: chunked\r\nconnection: close\r\n\r\n`;
    const piece = `1f4\r\n${'a'.repeat(500)}\r\n`;
    const first = connect(server.port, '127.0.0.1');
    first.write(head + piece);
    await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 1);
    expect(await exchange(server.port, `${head}${piece}0\r\n\r\n`)).toContain('"code":"NOT_AN_IMAGE"');
    expect(await exchange(server.port, `${head}${piece.repeat(3)}0\r\n\r\n`)).toContain(
      '"code":"QUEUE_FULL"',
    );
    first.destroy();
    await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 0);
    // Alone it may be larger than the room for all.
    expect(await exchange(server.port, `${head}${piece.repeat(3)}0\r\n\r\n`)).toContain(
      '"code":"NOT_AN_IMAGE"',
    );
  });
});

describe('a body for which no room is held', () => {
  it.each([
    ['POST', '/v2/repository/index', '413', 'BODY_TOO_LARGE'],
    ['PUT', '/v1/classify', '405', 'METHOD_NOT_ALLOWED'],
  ])('is not kept: %s %s', async (method, path, status, code) => {
    const server = await start();
    const head = `${method} ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/zip\r\nconnection: close\r\n`;
    // The answer comes although nearly all of the body never does: nobody waits for it.
    const text = exchange(server.port, `${head}content-length: 1000000\r\n\r\n${'a'.repeat(70_000)}`);
    expect(await text).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*"code":"${code}"`));
  });
});
