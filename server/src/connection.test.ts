import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { closeDecoders } from '@hilum/imaging';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATA_ABSENT, RENDERING, lidcPng, scratch, servedAs, writeRealPackage } from '../test/fixtures.ts';
import type { HarnessOptions } from '../test/harness.ts';
import { type Listening, createGate, exchange, listen, metric, readAll, until } from '../test/listening.ts';
import type { Engine } from './engine/engine.ts';
import { startEngine } from './engine/worker.ts';
import type { ServedModel } from './readiness.ts';
import { classificationSchema, problemSchema } from '@hilum/wire';

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
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

const start = (options: Omit<HarnessOptions, 'engine' | 'model'> = {}): Promise<Listening> =>
  listen({ engine, model, ...options });

const classify = (
  server: Listening,
  body: Uint8Array<ArrayBuffer>,
  signal?: AbortSignal,
): Promise<Response> =>
  fetch(`${server.url}/v1/classify`, { method: 'POST', body, ...(signal === undefined ? {} : { signal }) });

async function problem(response: Response) {
  return problemSchema.parse(await response.json());
}

async function png(): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await lidcPng());
}

describe.skipIf(DATA_ABSENT)(`overload ${DATA_ABSENT || ''}`, () => {
  it('is refused before the body is sent, with the time to come back, and health still answers', async () => {
    const { gate, open, entered } = createGate();
    const server = await start({ gate, limits: { queue: 1 } });
    const bytes = await png();
    const first = classify(server, bytes);
    await until(() => entered() === 1);
    const second = classify(server, bytes);
    await until(async () => (await metric(server, 'hilum_queue_depth')) === 1);

    // Headers only: the answer must not wait for a body.
    const request = httpRequest(`${server.url}/v1/classify`, {
      method: 'POST',
      headers: { 'content-length': 9 },
    });
    request.flushHeaders();
    const [refused] = (await once(request, 'response')) as [IncomingMessage];
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
    request.destroy();
    const third = await classify(server, bytes);
    expect((await problem(third)).code).toBe('QUEUE_FULL');
    expect((await fetch(`${server.url}/v2/health/live`)).status).toBe(200);
    expect((await fetch(`${server.url}/metrics`)).status).toBe(200);

    open();
    for (const answer of [await first, await second]) classificationSchema.parse(await answer.json());
    expect((await classify(server, bytes)).status).toBe(200);
  });

  it('of requests in memory is refused as well', async () => {
    const { gate, open, entered } = createGate();
    const server = await start({ gate, limits: { inFlight: 1 } });
    const bytes = await png();
    const first = classify(server, bytes);
    await until(() => entered() === 1);
    expect((await problem(await classify(server, bytes))).code).toBe('QUEUE_FULL');
    open();
    expect((await first).status).toBe(200);
  });

  it('drops the work of a client that left, and never infers it', async () => {
    const { gate, open, entered } = createGate();
    const server = await start({ gate });
    const bytes = await png();
    const first = classify(server, bytes);
    await until(() => entered() === 1);
    const leaving = new AbortController();
    const second = classify(server, bytes, leaving.signal);
    await until(async () => (await metric(server, 'hilum_queue_depth')) === 1);
    leaving.abort();
    await expect(second).rejects.toThrow('aborted');
    await until(async () => (await metric(server, 'hilum_refusals_total{code="CLIENT_GONE"}')) === 1);
    expect(await metric(server, 'hilum_queue_depth')).toBe(0);
    open();
    expect((await first).status).toBe(200);
    expect(await metric(server, 'hilum_requests_in_flight')).toBe(0);
    expect(entered()).toBe(1);
  });

  it('answers 504 at the deadline, and takes the image out of the queue', async () => {
    const { gate, open, entered } = createGate();
    const server = await start({ gate, limits: { deadlineMs: 300 } });
    const bytes = await png();
    const answers = await Promise.all([classify(server, bytes), classify(server, bytes)]);
    for (const answer of answers) {
      expect(answer.status).toBe(504);
      expect((await problem(answer)).code).toBe('DEADLINE_EXCEEDED');
    }
    expect(entered()).toBe(1);
    open();
    await server.idle();
    expect(entered()).toBe(1);
  });
});

const asked = async (server: Listening, headers: Record<string, string>): Promise<Response> =>
  fetch(`${server.url}/v1/classify`, { method: 'POST', body: await png(), headers });

const oneSecond = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, 1_000);
  });

describe.skipIf(DATA_ABSENT)(`a client’s own deadline ${DATA_ABSENT || ''}`, () => {
  it.each(['x-request-timeout-ms', 'x-envoy-expected-rq-timeout-ms'])('is kept: %s', async (name) => {
    const { gate, open } = createGate();
    const server = await start({ gate });
    const late = await asked(server, { [name]: '300' });
    expect((await problem(late)).code).toBe('DEADLINE_EXCEEDED');
    open();
    expect((await asked(server, { [name]: '60000' })).status).toBe(200);
  });

  it('is never longer than the server’s', async () => {
    const { gate, open } = createGate();
    const server = await start({ gate, limits: { deadlineMs: 200 } });
    const late = await asked(server, { 'x-request-timeout-ms': '86400000' });
    expect((await problem(late)).detail).toBe('no answer within 200 ms');
    open();
  });

  it.each(['0', '-1', '1.5', '5s', '', 'NaN', '86400001', '1e3', '100, 200'])(
    'that is no number of milliseconds is refused: %j',
    async (value) => {
      const server = await start();
      const answer = await asked(server, { 'x-request-timeout-ms': value });
      expect(answer.status).toBe(400);
      expect((await problem(answer)).code).toBe('DEADLINE_INVALID');
    },
  );

  it('that cannot be met is refused before the body is sent, with the time after which it could be', async () => {
    let wait = oneSecond;
    const server = await start({ gate: async () => wait() });
    await classify(server, await png()); // the server learns that an image takes that long
    const { gate, open, entered } = createGate();
    wait = gate;
    const first = classify(server, await png());
    await until(async () => entered() === 1 && (await metric(server, 'hilum_requests_in_flight')) === 1);
    const request = httpRequest(`${server.url}/v1/classify`, {
      method: 'POST',
      headers: { 'content-length': 9, 'x-request-timeout-ms': '500' },
    });
    request.flushHeaders();
    const [refused] = (await once(request, 'response')) as [IncomingMessage];
    expect(refused.statusCode).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(await metric(server, 'hilum_queue_refused_total{reason="deadline"}')).toBe(1);
    request.destroy();
    open();
    expect((await first).status).toBe(200);
  });
});

describe('a body', () => {
  it('that announces too much is refused before it is sent', async () => {
    const server = await start({ limits: { maxBodyBytes: 1000 } });
    const request = httpRequest(`${server.url}/v1/classify`, {
      method: 'POST',
      headers: { 'content-length': 1001 },
    });
    request.flushHeaders();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    request.destroy();
  });

  it('that is much too large still gets its answer, announced or not', async () => {
    const server = await start({ limits: { maxBodyBytes: 100_000 } });
    const bytes = new Uint8Array(20_000_000);
    expect((await problem(await classify(server, bytes))).code).toBe('BODY_TOO_LARGE');
    for (let n = 0; n < 3; n += 1) {
      const chunked = new ReadableStream({
        start(controller) {
          for (let at = 0; at < bytes.length; at += 50_000)
            controller.enqueue(bytes.subarray(at, at + 50_000));
          controller.close();
        },
      });
      const init = { method: 'POST', body: chunked, duplex: 'half' } as const;
      const answer = await fetch(`${server.url}/v1/classify`, init);
      expect((await problem(answer)).code).toBe('BODY_TOO_LARGE');
    }
  });

  it('that comes too slowly is given up, with an answer', async () => {
    const server = await start({ limits: { bodyTimeoutMs: 400 } });
    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST /v1/classify HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nab');
    const drip = setInterval(() => socket.write('c'), 50);
    socket.on('error', () => undefined); // the server ends a connection that still sends
    const text = await readAll(socket);
    clearInterval(drip);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(text).toContain('"code":"BODY_TIMEOUT"');
    await until(async () => (await metric(server, 'hilum_refusals_total{code="BODY_TIMEOUT"}')) === 1);
    expect(await metric(server, 'hilum_requests_in_flight')).toBe(0);
  });

  it('whose client leaves in the middle frees its place', async () => {
    const server = await start();
    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST /v1/classify HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nab');
    await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 1);
    socket.destroy();
    await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 0);
    expect(await metric(server, 'hilum_refusals_total{code="CLIENT_GONE"}')).toBe(1);
  });

  it('that is no HTTP is answered as a problem', async () => {
    const server = await start();
    const text = await exchange(server.port, 'DICM\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain('"code":"REQUEST_INVALID"');
  });
});

describe.skipIf(DATA_ABSENT)(`an end in order ${DATA_ABSENT || ''}`, () => {
  it('gives what is in flight its answer, and takes no new connection', async () => {
    const { gate, open, entered } = createGate();
    const server = await start({ gate });
    const bytes = await png();
    const first = classify(server, bytes);
    await until(() => entered() === 1);
    const closed = server.close();
    await until(() => !server.app.server.listening);
    await expect(classify(server, bytes)).rejects.toThrow('fetch failed');
    open();
    const answer = await first;
    expect(answer.status).toBe(200);
    expect(answer.headers.get('connection')).toBe('close');
    await closed;
  });
});
