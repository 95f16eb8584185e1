import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { runCli } from '../cli.ts';

async function hilum(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCli(['oip-conformance', ...args], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

it('says what a server that only knows 404 does not do, and ends with 1', async () => {
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const text = await hilum(url, '--model', 'lung');
  expect(text.code).toBe(1);
  expect(text.out).toContain('FAIL  rest-live');
  const json = await hilum(url, '--model', 'lung', '--json');
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({ model: 'lung', url });
  const nameless = await hilum(url);
  expect([nameless.code, nameless.err]).toEqual([
    69,
    'hilum oip-conformance: OIP_NO_MODEL: the server does not tell its models; name one with --model\n',
  ]);
  server.close();
});

it.each([[[]], [['localhost:8080']], [['http://a', 'http://b']]])(
  'takes one address, not %j',
  async (args) => {
    const { code, err } = await hilum(...args);
    expect(code).toBe(64);
    expect(err).toContain('USAGE');
  },
);
