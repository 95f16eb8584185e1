import { once } from 'node:events';
import { type IncomingMessage, createServer } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { chooseProtocol, splitProtocols } from './split.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** One port that answers `1` over HTTP/1.1, with the length of the body, and `2` over HTTP/2. */
async function listen(timeoutMs = 60_000) {
  const server = createServer((request, response) => {
    void lengthOf(request).then((length) => response.end(`1 ${request.method} ${length}`));
  });
  const http2 = createHttp2((_request, response) => response.end('2'));
  const dropUndecided = splitProtocols(server, {
    http2: (socket) => http2.emit('connection', socket),
    timeoutMs,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { port, server, dropUndecided };
}

async function lengthOf(request: IncomingMessage): Promise<number> {
  let length = 0;
  for await (const chunk of request) length += (chunk as Buffer).length;
  return length;
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  ends.push(() => socket.destroy());
  return socket;
}

async function overHttp2(session: ClientHttp2Session): Promise<string> {
  const stream = session.request({ ':path': '/' });
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  session.close();
  return text;
}

describe('one port', () => {
  it('answers both protocols, also side by side', async () => {
    const { port } = await listen();
    const url = `http://127.0.0.1:${port}`;
    const [one, two] = await Promise.all([
      fetch(url).then((response) => response.text()),
      overHttp2(connectHttp2(url)),
    ]);
    expect([one, two]).toEqual(['1 GET 0', '2']);
  });

  it('loses no byte of a large body', async () => {
    const { port } = await listen();
    const body = new Uint8Array(5_000_000);
    const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body });
    expect(await response.text()).toBe('1 POST 5000000');
  });

  it('keeps a connection for several requests, of which some come together', async () => {
    const { port } = await listen();
    const socket = await open(port);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text.match(/1 GET 0/g)).toHaveLength(3);
  });

  it.each([
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^\0/],
    [
      'HTTP/1.1',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc',
      /1 POST 3$/,
    ],
  ])('tells %s byte by byte', async (_, sent, answer) => {
    const { port } = await listen();
    const socket = await open(port);
    socket.setNoDelay(true);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    for (const byte of sent) {
      socket.write(byte);
      await new Promise(setImmediate);
    }
    while (!answer.test(text)) await once(socket, 'data');
    expect(text).toMatch(answer);
  });

  it('gives up a connection that says nothing, or half of the one word', async () => {
    const { port } = await listen(50);
    for (const word of ['', 'P']) {
      const socket = await open(port);
      socket.write(word);
      socket.resume();
      await once(socket, 'close');
      expect(socket.bytesRead).toBe(0);
    }
  });

  it('does not wait for a silent connection when it closes', async () => {
    const { port, server, dropUndecided } = await listen();
    const connected = once(server, 'connection');
    const socket = await open(port);
    await connected;
    socket.resume();
    const closed = once(server, 'close');
    server.close();
    dropUndecided();
    expect(await closed).toEqual([]);
  });
});

describe('the choice of TLS', () => {
  it.each([
    [['h2'], 'h2'],
    [['grpc-exp', 'h2'], 'h2'],
    [['h2', 'http/1.1'], 'http/1.1'],
    [['spdy/1'], undefined],
  ])('of %j is %s', (protocols, chosen) => {
    expect(chooseProtocol({ protocols })).toBe(chosen);
  });
});
