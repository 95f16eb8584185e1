/** The same check for calls of gRPC, in the clear and by ALPN over TLS, on the port of HTTP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ChannelCredentials,
  Metadata,
  type ServiceClientConstructor,
  credentials,
  loadPackageDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { certify } from '../../test/certify.ts';
import { type Door, aDoor } from '../../test/door.ts';
import { newApiKey } from './key.ts';

const dir = mkdtempSync(join(tmpdir(), 'hilum-grpc-access-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const at = (name: string): string => join(dir, name);

const { key, line } = newApiKey({ name: 'pacs', roles: ['predict'] });
const viewer = newApiKey({ name: 'viewer', roles: ['explain'] });

beforeAll(async () => {
  await writeFile(at('keys'), `${line}\n${viewer.line}\n`);
  await certify(dir, 'ca', '/CN=Hospital CA');
  await certify(dir, 'server', '/CN=hilum', 'ca');
  await certify(dir, 'gateway', '/CN=pacs-gateway', 'ca');
});

const KEYS = { HILUM_API_KEYS_FILE: at('keys') };
const TLS = { HILUM_TLS_CERT: at('server.crt'), HILUM_TLS_KEY: at('server.key') };

/** The status of a call: OK, or why not; NOT_FOUND or UNAVAILABLE is said to who was let in, as there is no model. */
async function call(
  { port }: Door,
  method: string,
  headers: Record<string, string> = {},
  channel: ChannelCredentials = credentials.createInsecure(),
): Promise<string> {
  const proto = new URL('../oip/open_inference.proto', import.meta.url).pathname;
  const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true }));
  const { GRPCInferenceService } = loaded['inference'] as unknown as {
    GRPCInferenceService: ServiceClientConstructor;
  };
  const client = new GRPCInferenceService(`127.0.0.1:${port}`, channel);
  onTestFinished(() => client.close());
  const definition = GRPCInferenceService.service[method];
  if (definition === undefined) throw new Error(`no method ${method}`);
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const { path, requestSerialize, responseDeserialize } = definition;
  return new Promise((resolve) => {
    const message = { model_name: 'lung' };
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, metadata, (error) => {
      resolve(status[error?.code ?? status.OK] ?? '');
    });
  });
}

describe('a call of gRPC', () => {
  it('needs a key as a request does, and health needs none', async () => {
    const door = await aDoor(KEYS);
    expect(await call(door, 'ServerLive')).toBe('OK');
    for (const method of ['ServerMetadata', 'ModelMetadata', 'ModelInfer']) {
      expect(await call(door, method)).toBe('UNAUTHENTICATED');
      expect(await call(door, method, { authorization: `Bearer ${key}x` })).toBe('UNAUTHENTICATED');
      expect(await call(door, method, { authorization: `Bearer ${viewer.key}` })).toBe('PERMISSION_DENIED');
    }
    expect(await call(door, 'ModelInfer', { authorization: `Bearer ${key}` })).toBe('UNAVAILABLE');
    expect(await call(door, 'ModelInfer', { 'x-api-key': key })).toBe('UNAVAILABLE');
    await vi.waitFor(() => expect(door.logged()).toContain('"caller":"pacs"'));
    expect(door.logged()).not.toContain(key.slice(3, 20));
  });

  it('counts against the same limit', async () => {
    const door = await aDoor({ HILUM_RATE_LIMIT: '6' }, { now: () => 0 });
    expect((await door.knock())[1]).toBe('MODEL_NOT_READY');
    expect(await call(door, 'ModelInfer')).toBe('RESOURCE_EXHAUSTED');
  });

  it('comes over TLS on the port of HTTP, where a certificate is a caller too', async () => {
    const door = await aDoor({ ...KEYS, ...TLS, HILUM_TLS_CLIENT_CA: at('ca.crt') });
    const ca = await readFile(at('ca.crt'));
    const [own, cert] = [await readFile(at('gateway.key')), await readFile(at('gateway.crt'))];
    expect(await call(door, 'ServerLive', {}, credentials.createSsl(ca))).toBe('OK');
    expect(await call(door, 'ModelInfer', {}, credentials.createSsl(ca))).toBe('UNAUTHENTICATED');
    expect(await call(door, 'ModelInfer', { 'x-api-key': key }, credentials.createSsl(ca))).toBe(
      'UNAVAILABLE',
    );
    expect(await call(door, 'ModelInfer', {}, credentials.createSsl(ca, own, cert))).toBe('UNAVAILABLE');
    await vi.waitFor(() => expect(door.logged()).toContain('"caller":"pacs-gateway"'));
  });
});
