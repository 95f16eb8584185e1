/** Certificates made by openssl, shown by curl: what a hospital's own authority and clients are. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { copyFile, readFile, rename, writeFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { certify } from '../../test/certify.ts';
import { type Door, aDoor } from '../../test/door.ts';
import { LIMITS } from '../../test/fixtures.ts';
import { newApiKey } from './key.ts';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'hilum-tls-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const at = (name: string): string => join(dir, name);

beforeAll(async () => {
  await certify(dir, 'ca', '/CN=Hospital CA');
  await certify(dir, 'stranger', '/CN=Other CA');
  await certify(dir, 'server', '/CN=hilum', 'ca');
  await certify(dir, 'renewed', '/CN=hilum renewed', 'ca');
  await certify(dir, 'pacs', '/O=Radiology/CN=pacs-gateway', 'ca');
  await certify(dir, 'nameless', '/O=Radiology', 'ca');
  await certify(dir, 'forged', '/CN=pacs-gateway', 'stranger');
});

const TLS = { HILUM_TLS_CERT: at('server.crt'), HILUM_TLS_KEY: at('server.key') };
const MTLS = { ...TLS, HILUM_TLS_CLIENT_CA: at('ca.crt') };

/** `POST /v1/classify` by curl; the status and the code of the answer. */
async function curl({ url }: Door, ...args: readonly string[]): Promise<string> {
  const common = ['--silent', '--cacert', at('ca.crt'), '--write-out', ' %{http_code}', '--data', 'x'];
  const { stdout } = await run('curl', [...common, ...args, `${url}/v1/classify`]);
  return `${/ (\d+)$/.exec(stdout)?.[1]} ${/"code":"(\w+)"/.exec(stdout)?.[1]}`;
}

const shown = (name: string): string[] => ['--cert', at(`${name}.crt`), '--key', at(`${name}.key`)];

describe('TLS', () => {
  it('is spoken, and nothing else on its port', async () => {
    const door = await aDoor({ ...TLS, HILUM_ACCESS: 'open' });
    expect(await curl(door)).toBe('503 MODEL_NOT_READY');
    await expect(run('curl', ['--silent', `${door.url}/v2/health/live`])).rejects.toMatchObject({ code: 60 });
    const plain = run('curl', ['--silent', door.url.replace('https', 'http')]);
    await expect(plain).rejects.toMatchObject({ code: 52 }); // an empty reply
    const old = ['--silent', '--cacert', at('ca.crt'), '--tls-max', '1.1', `${door.url}/v2/health/live`];
    await expect(run('curl', old)).rejects.toMatchObject({ code: 35 });
    const { stdout } = await run('curl', ['-sI', '--cacert', at('ca.crt'), `${door.url}/v2/health/live`]);
    expect(stdout).toContain('strict-transport-security: max-age=31536000');
  });

  it('takes a renewed certificate without a restart, and keeps the old one while its key is not there', async () => {
    const [cert, key] = [at('live.crt'), at('live.key')];
    await copyFile(at('server.crt'), cert);
    await copyFile(at('server.key'), key);
    const door = await aDoor({ HILUM_TLS_CERT: cert, HILUM_TLS_KEY: key });
    const replace = async (name: string, path: string): Promise<void> => {
      await copyFile(at(name), `${path}.new`);
      await rename(`${path}.new`, path);
    };
    expect(await nameOf(door)).toBe('hilum');
    await replace('renewed.crt', cert);
    await vi.waitFor(() => expect(door.logged()).toContain('those before stay'), { timeout: 10_000 });
    expect(await nameOf(door)).toBe('hilum');
    await replace('renewed.key', key);
    await vi.waitFor(async () => expect(await nameOf(door)).toBe('hilum renewed'), { timeout: 10_000 });
  });

  it('gives up a client that connects and says nothing', async () => {
    const door = await aDoor(TLS, { limits: { ...LIMITS, bodyTimeoutMs: 200 } });
    const socket = connectPlain(door.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const [hadError] = (await once(socket, 'close')) as [boolean];
    expect(hadError).toBe(false);
  });

  it.each([
    ['there is none', 'nothing.crt', 'server.key', 'HILUM_TLS_CERT: ENOENT'],
    ['the key is of another', 'server.crt', 'pacs.key', 'do not make TLS'],
    ['it is none', 'junk', 'server.key', 'do not make TLS'],
  ])('does not start where %s', async (_, cert, key, why) => {
    await writeFile(at('junk'), 'junk');
    const starting = aDoor({ HILUM_TLS_CERT: at(cert), HILUM_TLS_KEY: at(key) });
    await expect(starting).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(why) as string,
    });
  });
});

describe('a client certificate', () => {
  it('of the named authority lets its common name in, to predict', async () => {
    const door = await aDoor({ ...MTLS, HILUM_METRICS_ACCESS: 'admin' });
    expect(await curl(door, ...shown('pacs'))).toBe('503 MODEL_NOT_READY');
    await vi.waitFor(() => expect(door.logged()).toContain('"caller":"pacs-gateway"'));
    const metrics = ['-s', '--cacert', at('ca.crt'), ...shown('pacs'), `${door.url}/metrics`];
    expect((await run('curl', metrics)).stdout).toContain('FORBIDDEN');
  });

  it.each([
    ['none', []],
    ['one of another authority', shown('forged')],
    ['one without a common name', shown('nameless')],
  ])('is missing where there is %s, but health answers', async (_, args) => {
    const door = await aDoor(MTLS);
    expect(await curl(door, ...args)).toBe('401 UNAUTHENTICATED');
    const { stdout } = await run('curl', [
      '-s',
      '--cacert',
      at('ca.crt'),
      ...args,
      `${door.url}/v2/health/live`,
    ]);
    expect(stdout).toContain('"live":true');
  });

  it('of an authority that is no longer named lets nobody in, nor a session that began with it', async () => {
    const ca = at('authorities.crt');
    await copyFile(at('ca.crt'), ca);
    const door = await aDoor({ ...MTLS, HILUM_TLS_CLIENT_CA: ca });
    const show = { key: await readFile(at('pacs.key')), cert: await readFile(at('pacs.crt')) };
    const first = await statusOf(door, show);
    expect(first.status).toBe(503);
    const again = await statusOf(door, { session: first.session });
    expect([again.reused, again.status]).toEqual([true, 503]);
    await copyFile(at('stranger.crt'), ca);
    await vi.waitFor(() => expect(door.logged()).toContain('certificates read again'), { timeout: 10_000 });
    expect((await statusOf(door, show)).status).toBe(401);
    const resumed = await statusOf(door, { session: again.session });
    expect([resumed.reused, resumed.status]).toEqual([false, 401]);
  });

  it('and a key may be used beside each other, and a wrong key is not excused by a certificate', async () => {
    const { key, line } = newApiKey({ name: 'viewer', roles: ['predict'] });
    await writeFile(at('keys'), line);
    const door = await aDoor({ ...MTLS, HILUM_API_KEYS_FILE: at('keys') });
    expect(await curl(door, '-H', `x-api-key: ${key}`)).toBe('503 MODEL_NOT_READY');
    expect(await curl(door, ...shown('pacs'))).toBe('503 MODEL_NOT_READY');
    expect(await curl(door, ...shown('pacs'), '-H', `x-api-key: ${key}x`)).toBe('401 UNAUTHENTICATED');
  });
});

/** The common name of the certificate that the server shows to a new connection. */
async function nameOf({ port }: Door): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

/** One request over a connection of its own, and the session by which the next may resume it. */
async function statusOf(
  { port }: Door,
  options: ConnectionOptions,
): Promise<{ status: number; reused: boolean; session: Buffer | undefined }> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  let session: Buffer | undefined;
  socket.on('session', (next: Buffer) => {
    session = next;
  });
  await once(socket, 'secureConnect');
  const reused = socket.isSessionReused();
  socket.write('POST /v1/classify HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return { status: Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1]), reused, session };
}
