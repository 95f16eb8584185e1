/** Against the registry of Debian, in the clear and behind a token service, as hosted ones are. */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, createServer, request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Registry, startRegistry } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type OciFile, ociArtifact } from './artifact.ts';
import { ociCredentials } from './credentials.ts';
import { pushOci } from './push.ts';
import { parseOciReference } from './reference.ts';

const dir = mkdtempSync(join(tmpdir(), 'hilum-oci-'));
let registry: Registry;
const TYPE = { artifactType: 'application/vnd.hilum.test.v1', env: {} };
const files = [
  { path: 'labels.json', file: join(dir, 'labels.json') },
  { path: 'deep/weights.bin', file: join(dir, 'weights.bin') },
];

beforeAll(async () => {
  await writeFile(join(dir, 'labels.json'), '["benign","malignant"]');
  await writeFile(join(dir, 'weights.bin'), Buffer.alloc(2_000_000, 5));
  registry = await startRegistry();
});
afterAll(async () => {
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function contents(address: string, path: string, from = 0, env = {}): Promise<Buffer> {
  const artifact = ociArtifact(address, { env });
  const { files: listed } = await artifact.resolve();
  const body = await artifact.read(listed.find((file) => file.path === path) as OciFile, from);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body?.bytes ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('an artifact', () => {
  it('comes back as it was pushed, by tag and by digest, and from the middle of a file', async () => {
    const tag = `oci://${registry.host}/team/lung:v1`;
    const digest = await pushOci(tag, files, TYPE);
    expect((await ociArtifact(tag, { env: {} }).resolve()).digest).toBe(digest);
    for (const address of [tag, `oci://${registry.host}/team/lung@${digest}`]) {
      expect((await contents(address, 'labels.json')).toString()).toBe('["benign","malignant"]');
      expect((await contents(address, 'labels.json', 10)).toString()).toBe('"malignant"]');
      expect(await contents(address, 'deep/weights.bin')).toHaveLength(2_000_000);
    }
    // Again, it is the same, and nothing but the manifest is sent.
    expect(await pushOci(tag, files, TYPE)).toBe(digest);
  });

  it('behind a token service is asked for with a token for this repository, and the password goes to the service', async () => {
    const front = await aTokenFront(registry.host, { username: 'anna', password: 'secret-word' });
    const env = { HILUM_OCI_USERNAME: 'anna', HILUM_OCI_PASSWORD: 'secret-word' };
    const tag = `oci://${front.host}/team/tokens:v1`;
    await pushOci(tag, files, { ...TYPE, env });
    expect((await contents(tag, 'labels.json', 0, env)).toString()).toContain('malignant');
    expect(new Set(front.scopes)).toEqual(
      new Set(['repository:team/tokens:pull,push', 'repository:team/tokens:pull']),
    );
    const wrong = { ...env, HILUM_OCI_PASSWORD: 'wrong-word' };
    const refused: unknown = await contents(tag, 'labels.json', 0, wrong).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'STORE_REFUSED',
      message: expect.stringContaining('gives team/tokens no token as anna') as string,
    });
    expect(String(refused)).not.toContain('wrong-word');
    const nobody = contents(tag, 'labels.json', 0, { HOME: dir, DOCKER_CONFIG: '' });
    await expect(nobody).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });

  it('whose manifest is another one than its address pins is not taken', async () => {
    const want = `sha256:${'a'.repeat(64)}`;
    const liar = createServer((request, response) => {
      response.end(request.url === '/v2/' ? '' : JSON.stringify({ layers: [] }));
    }).listen(0, '127.0.0.1');
    await once(liar, 'listening');
    onTestFinished(() => void liar.close());
    const host = `127.0.0.1:${(liar.address() as AddressInfo).port}`;
    const resolving = ociArtifact(`oci://${host}/lung@${want}`, { env: {} }).resolve();
    await expect(resolving).rejects.toMatchObject({ code: 'STORE_MALFORMED' });
  });
});

describe('an address', () => {
  it.each([
    [
      'oci://registry.example/team/lung:v1',
      { registry: 'registry.example', repository: 'team/lung', tag: 'v1', digest: undefined },
    ],
    [
      'oci://localhost:5000/a:b',
      { registry: 'localhost:5000', repository: 'a', tag: 'b', digest: undefined },
    ],
    [
      `oci://r.example/a/b__c@sha256:${'0'.repeat(64)}`,
      { registry: 'r.example', repository: 'a/b__c', tag: '', digest: `sha256:${'0'.repeat(64)}` },
    ],
  ])('%s is read', (text, want) => expect(parseOciReference(text)).toEqual(want));

  it.each([
    'oci://registry.example/team/lung',
    'oci://registry.example',
    'registry.example/a:b',
    'oci://h/A:b',
    'oci://h/a/../b:c',
    'oci://u:p@h/a:b',
  ])('%s is none', (text) => expect(() => parseOciReference(text)).toThrow('an OCI address'));
});

describe('credentials of a docker config.json', () => {
  const auth = Buffer.from('anna:pass:word').toString('base64');
  it.each([
    ['by host', { auths: { 'r.example': { auth } } }, { username: 'anna', password: 'pass:word' }],
    ['by URL', { auths: { 'https://r.example/v1/': { auth } } }, { username: 'anna', password: 'pass:word' }],
    [
      'in two fields',
      { auths: { 'r.example': { username: 'a', password: 'b' } } },
      { username: 'a', password: 'b' },
    ],
    ['of others only', { auths: { 'other.example': { auth } } }, undefined],
  ])('are found %s', async (name, config, want) => {
    const folder = join(dir, name.replaceAll(' ', '-'));
    await mkdir(folder);
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    expect(await ociCredentials('r.example', { DOCKER_CONFIG: folder })).toEqual(want);
  });

  it.each([
    ['that a program keeps', { credHelpers: { 'r.example': 'ecr-login' } }, 'leaves r.example to a program'],
    ['that are empty', { auths: { 'r.example': {} } }, 'has no user and password'],
  ])('%s are said to be so', async (name, config, why) => {
    const file = join(dir, `${name.replaceAll(' ', '-')}.json`);
    await writeFile(file, JSON.stringify(config));
    await expect(ociCredentials('r.example', { REGISTRY_AUTH_FILE: file })).rejects.toMatchObject({
      code: 'STORE_CREDENTIALS',
      message: expect.stringContaining(why) as string,
    });
  });
});

interface Account {
  readonly username: string;
  readonly password: string;
}

/** A registry that takes tokens of its service, before one that takes everybody. */
async function aTokenFront(behind: string, { username, password }: Account) {
  const scopes: string[] = [];
  const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const tokenFor = (request: IncomingMessage): object | undefined => {
    if (request.headers.authorization !== basic) return undefined;
    scopes.push(new URL(request.url ?? '', 'http://x').searchParams.get('scope') ?? '');
    return { token: `for-${scopes.at(-1)}`, expires_in: 300 };
  };
  const server = createServer((request, response) => {
    const { method, url = '', headers } = request;
    if (url.startsWith('/token')) {
      const token = tokenFor(request);
      response.writeHead(token === undefined ? 401 : 200).end(JSON.stringify(token ?? {}));
      return;
    }
    const repository = /^\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(url)?.[1];
    if (headers.authorization?.startsWith(`Bearer for-repository:${repository}:`) !== true) {
      const challenge = `Bearer realm="http://${host}/token",service="test"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return;
    }
    const { authorization: _, ...others } = headers;
    const forwarded = ask(`http://${behind}${url}`, { method, headers: others }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host, scopes };
}
