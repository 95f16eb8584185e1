import { once } from 'node:events';
import { connect } from 'node:net';
import { crc32 } from 'node:zlib';
import { closeDecoders } from '@hilum/imaging';
import { problemSchema } from '@hilum/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { startEngine } from '../../src/engine/worker.ts';
import type { ServedModel } from '../../src/readiness.ts';
import { DATA_ABSENT, RENDERING, lidcPng, scratch, servedAs, writeRealPackage } from '../fixtures.ts';
import type { HarnessOptions } from '../harness.ts';
import { type Listening, exchange, listen, metric, readAll, until } from '../listening.ts';

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

const start = (limits: HarnessOptions['limits'] = {}): Promise<Listening> =>
  listen({ engine, model, limits });

const HEAD = 'POST /v1/classify HTTP/1.1\r\nhost: x\r\n';
const LAST = 'connection: close\r\n';

/** Whether nothing is held and the next image is answered. */
async function isUnharmed(server: Listening): Promise<boolean> {
  await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 0);
  const depth = await metric(server, 'hilum_queue_depth');
  const body = new Uint8Array(await lidcPng());
  const answer = await fetch(`${server.url}/v1/classify`, { method: 'POST', body });
  return depth === 0 && answer.status === 200;
}

describe.skipIf(DATA_ABSENT)(`a request that means harm ${DATA_ABSENT || ''}`, () => {
  const form = 'content-type: multipart/form-data; boundary=b\r\n';
  const part = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n';
  const body = (text: string, headers = ''): string =>
    `${HEAD}${headers}${LAST}content-length: ${text.length}\r\n\r\n${text}`;

  it.each([
    { given: 'a form that is cut', sent: body(`${part}abc`, form), status: 400, code: 'MULTIPART_INVALID' },
    {
      given: 'a form without a boundary',
      sent: body(part, 'content-type: multipart/form-data\r\n'),
      status: 400,
      code: 'MULTIPART_INVALID',
    },
    {
      given: 'headers of 20 KiB',
      sent: `${HEAD}x: ${'a'.repeat(20_000)}\r\n\r\n`,
      status: 431,
      code: 'HEADERS_TOO_LARGE',
    },
    {
      given: 'a URL of 20 KiB',
      sent: `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      status: 431,
      code: 'HEADERS_TOO_LARGE',
    },
    {
      given: 'two lengths',
      sent: `${HEAD}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd`,
      status: 400,
      code: 'REQUEST_INVALID',
    },
    {
      given: 'a length and chunks, as smugglers send',
      sent: `${HEAD}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      status: 400,
      code: 'REQUEST_INVALID',
    },
    {
      given: 'a length that is no number',
      sent: `${HEAD}content-length: -1\r\n\r\n`,
      status: 400,
      code: 'REQUEST_INVALID',
    },
    {
      given: 'a length beyond all numbers',
      sent: `${HEAD}content-length: 99999999999999999999\r\n\r\n`,
      status: 400,
      code: 'REQUEST_INVALID',
    },
    {
      given: 'a length of a terabyte',
      sent: `${HEAD}${LAST}content-length: 1099511627776\r\n\r\n`,
      status: 413,
      code: 'BODY_TOO_LARGE',
    },
    {
      given: 'a chunk whose size is no number',
      sent: `${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n`,
      status: 400,
      code: 'REQUEST_INVALID',
    },
    { given: 'no host', sent: 'POST /v1/classify HTTP/1.1\r\n\r\n', status: 400, code: undefined },
    { given: 'a null in a header', sent: `${HEAD}x: a\0b\r\n\r\n`, status: 400, code: 'REQUEST_INVALID' },
    {
      given: 'a compressed body',
      sent: `${HEAD}content-encoding: gzip\r\n${LAST}content-length: 3\r\n\r\nabc`,
      status: 415,
      code: 'CONTENT_ENCODING_UNSUPPORTED',
    },
  ])('is refused: $given', async ({ sent, status, code }) => {
    const server = await start();
    const text = await exchange(server.port, sent);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(/"code":"([A-Z_]+)"/.exec(text)?.[1]).toBe(code);
    expect(await isUnharmed(server)).toBe(true);
  });

  it('with more bytes than it announced ends its connection: nobody knows where its next request begins', async () => {
    const server = await start();
    const text = await exchange(server.port, `${HEAD}content-length: 3\r\n\r\nabcGARBAGE\r\n\r\n`);
    expect(text).toContain('"code":"REQUEST_INVALID"');
    expect(await isUnharmed(server)).toBe(true);
  });

  it('that sends its header line by line, for ever, is given up', async () => {
    const server = await start({ bodyTimeoutMs: 400 });
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(HEAD);
    const drip = setInterval(() => socket.write('x-a: b\r\n'), 50);
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 408 /);
    clearInterval(drip);
    expect(await isUnharmed(server)).toBe(true);
  });

  it('that never sends a byte loses its connection', async () => {
    const server = await start({ bodyTimeoutMs: 400 });
    const socket = connect(server.port, '127.0.0.1');
    await readAll(socket);
    expect(await isUnharmed(server)).toBe(true);
  });

  it('that sends chunks for ever is given up, by time or by size', async () => {
    const server = await start({ bodyTimeoutMs: 400 });
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    const drip = setInterval(() => socket.write('1\r\na\r\n'), 20);
    expect(await readAll(socket)).toContain('"code":"BODY_TIMEOUT"');
    clearInterval(drip);

    const small = await start({ maxBodyBytes: 1_000 });
    const chunks = `1f4\r\n${'a'.repeat(500)}\r\n`.repeat(4);
    const text = await exchange(
      small.port,
      `${HEAD}${LAST}transfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
    );
    expect(text).toContain('"code":"BODY_TOO_LARGE"');
    expect(await isUnharmed(server)).toBe(true);
    expect(await isUnharmed(small)).toBe(true);
  });

  it('and a hundred more behind it in one packet are answered in their order, as far as there is room', async () => {
    const server = await start({ inFlight: 4 });
    const asked = `${HEAD}content-length: 3\r\n\r\nabc`;
    const text = await exchange(server.port, `${asked.repeat(100)}${HEAD}${LAST}content-length: 0\r\n\r\n`);
    const codes = [...text.matchAll(/"code":"([A-Z_]+)"/g)].map(([, code]) => code);
    expect(codes).toHaveLength(101);
    expect(new Set(codes.slice(0, 4))).toEqual(new Set(['NOT_AN_IMAGE']));
    expect(new Set(codes)).toEqual(new Set(['NOT_AN_IMAGE', 'QUEUE_FULL']));
    expect(await isUnharmed(server)).toBe(true);
  });

  it('in HTTP/2 that is none loses its connection', async () => {
    const server = await start();
    await exchange(server.port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is no frame of HTTP/2 at all');
    expect(await isUnharmed(server)).toBe(true);
  });

  it('by a header of a picture of 30000 pixels a side is refused before a pixel is decoded', async () => {
    const server = await start();
    const body = pngOf(30_000, 30_000);
    const answer = await fetch(`${server.url}/v1/classify`, { method: 'POST', body });
    const { code, detail } = problemSchema.parse(await answer.json());
    expect([answer.status, code]).toEqual([413, 'LIMIT_EXCEEDED']);
    expect(detail).toContain('at most 4096');
    expect(await isUnharmed(server)).toBe(true);
  });

  it.each([
    { given: 'a million brackets', json: '['.repeat(1_000_000) },
    {
      given: 'a tensor nested a hundred thousand deep',
      json: `{"inputs":[{"name":"image","shape":[1],"datatype":"FP32","data":${'['.repeat(100_000)}${']'.repeat(100_000)}}]}`,
    },
    {
      given: 'a shape beyond all memory',
      json: '{"inputs":[{"name":"image","shape":[4294967295,4294967295],"datatype":"FP32","data":[1]}]}',
    },
  ])('in JSON is refused: $given', async ({ json }) => {
    const server = await start();
    const init = { method: 'POST', body: json, headers: { 'content-type': 'application/json' } };
    const answer = await fetch(`${server.url}/v2/models/lung/infer`, init);
    expect(answer.status).toBe(400);
    expect(await isUnharmed(server)).toBe(true);
  });

  it('by fifty clients that leave in the middle of all stages leaves nothing behind', async () => {
    const server = await start({ queue: 100 });
    const image = await lidcPng();
    const head = `${HEAD}content-length: ${image.byteLength}\r\n\r\n`;
    const leave = async (afterMs: number): Promise<void> => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(Buffer.concat([Buffer.from(head), image]));
      await new Promise((resolve) => {
        setTimeout(resolve, afterMs);
      });
      socket.destroy();
    };
    await Promise.all(Array.from({ length: 50 }, async (_, n) => leave(n)));
    await server.idle();
    expect(await isUnharmed(server)).toBe(true);
  });
});

/** Right in structure and checksums; its pixels are one byte. */
function pngOf(columns: number, rows: number): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(columns, 0);
  header.writeUInt32BE(rows, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const parts = [chunk('IHDR', header), chunk('IDAT', Buffer.of(0)), chunk('IEND', Buffer.alloc(0))];
  return new Uint8Array(Buffer.concat([signature, ...parts]));
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}
