import { rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { LET_IN, UNKNOWN, aDoor } from '../../test/door.ts';
import { type KeyOptions, newApiKey } from './key.ts';

const dir = mkdtempSync(join(tmpdir(), 'hilum-access-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const PACS: KeyOptions = { name: 'pacs', roles: ['predict'] };
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

let files = 0;

/** A file of keys, and the keys in the order of `options`. */
async function keysFor(...options: readonly KeyOptions[]): Promise<{ path: string; keys: string[] }> {
  const made = options.map((one) => newApiKey(one));
  const path = join(dir, `keys-${(files += 1)}`);
  await writeFile(path, `# who may ask\n\n${made.map(({ line }) => line).join('\n')}\n`);
  return { path, keys: made.map(({ key }) => key) };
}

describe('an API key', () => {
  it('lets its owner in, by either header, and nobody without it', async () => {
    const { path, keys } = await keysFor(PACS);
    const [key = ''] = keys;
    const { knock } = await aDoor({ HILUM_API_KEYS_FILE: path });
    expect(await knock(bearer(key))).toEqual(LET_IN);
    expect(await knock({ 'x-api-key': key })).toEqual(LET_IN);
    const others = [
      {},
      bearer(`${key}x`),
      bearer(key.slice(0, -1)),
      bearer(`hk_${'A'.repeat(43)}`),
      bearer(key.replace('hk_', '')),
      { authorization: `Basic ${Buffer.from(`x:${key}`).toString('base64')}` },
      { authorization: key },
      { 'x-api-key': '' },
      { ...bearer(key), 'x-api-key': key },
    ];
    for (const headers of others) expect([headers, await knock(headers)]).toEqual([headers, UNKNOWN]);
  });

  it('is asked for everywhere but at health, at pages that hold nothing, and where nothing is', async () => {
    const { path } = await keysFor(PACS);
    const { url, knock } = await aDoor({ HILUM_API_KEYS_FILE: path }, { page: true });
    const open = [
      '/v2/health/live',
      '/v2/health/ready',
      '/metrics',
      '/docs/',
      '/openapi.json',
      '/',
      '/nothing',
    ];
    const statuses = await Promise.all(open.map(async (path) => (await fetch(url + path)).status));
    expect(statuses).toEqual([200, 503, 200, 200, 200, 200, 404]);
    for (const path of ['/v1/classify', '/v1/pixels']) expect(await knock({}, path)).toEqual(UNKNOWN);
  });

  it('is answered with what is missing, in the words of RFC 6750', async () => {
    const { path, keys } = await keysFor(PACS);
    const { url } = await aDoor({ HILUM_API_KEYS_FILE: path });
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${url}/v1/classify`, { method: 'POST', headers })).headers.get('www-authenticate');
    expect(await ask({})).toBe('Bearer realm="hilum"');
    expect(await ask(bearer(`${keys[0]}x`))).toBe('Bearer realm="hilum", error="invalid_token"');
    const [one, other] = await Promise.all(
      [{}, bearer('hk_wrong')].map(async (headers) => {
        const answer = await fetch(`${url}/v1/classify`, { method: 'POST', headers });
        const { requestId, ...problem } = (await answer.json()) as Record<string, unknown>;
        return [typeof requestId, problem];
      }),
    );
    expect(one).toEqual(other); // the body does not tell a wrong key from none
  });

  it('does what its roles allow, and an admin all of it', async () => {
    const { path, keys } = await keysFor(
      PACS,
      { name: 'viewer', roles: ['explain'] },
      { name: 'operator', roles: ['admin'] },
    );
    const { url, knock } = await aDoor({ HILUM_API_KEYS_FILE: path, HILUM_METRICS_ACCESS: 'admin' });
    const metrics = async (key: string) => (await fetch(`${url}/metrics`, { headers: bearer(key) })).status;
    const seen = await Promise.all(
      keys.map(async (key) => [(await knock(bearer(key)))[1], await metrics(key)]),
    );
    expect(seen).toEqual([
      ['MODEL_NOT_READY', 403],
      ['FORBIDDEN', 403],
      ['MODEL_NOT_READY', 200],
    ]);
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
  });

  it('ends when it expires', async () => {
    const { path, keys } = await keysFor({ ...PACS, expires: '2026-06-01T12:00:00Z' });
    let today = new Date('2026-06-01T11:59:59Z');
    const { knock } = await aDoor({ HILUM_API_KEYS_FILE: path }, { date: () => today });
    expect(await knock(bearer(keys[0] ?? ''))).toEqual(LET_IN);
    today = new Date('2026-06-01T12:00:00Z');
    expect(await knock(bearer(keys[0] ?? ''))).toEqual(UNKNOWN);
  });

  it('is in no line of the log, whatever becomes of the request, and its name is', async () => {
    const { path, keys } = await keysFor(PACS, { name: 'viewer', roles: ['explain'] });
    const { knock, logged } = await aDoor({ HILUM_API_KEYS_FILE: path });
    const wrong = `hk_${'w'.repeat(43)}`;
    for (const key of [...keys, wrong]) {
      await knock(bearer(key));
      await knock({ 'x-api-key': key });
      await knock(bearer(key), `/nothing`);
    }
    await vi.waitFor(() => expect(logged()).toContain('"caller":"pacs"'));
    for (const key of [...keys, wrong]) expect(logged()).not.toContain(key.slice(3, 20));
  });
});

describe('the file of keys', () => {
  it('holds hashes, no key', async () => {
    const { key, line } = newApiKey({ ...PACS, rateLimit: { perMinute: 60 } });
    expect(key).toMatch(/^hk_[\w-]{43}$/);
    expect(JSON.parse(line)).toEqual({
      name: 'pacs',
      hash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      roles: ['predict'],
      rateLimit: { perMinute: 60 },
    });
    expect(newApiKey(PACS).key).not.toBe(key);
  });

  it('is read again when it changes, also by a link as the kubelet does it, and a torn one changes nothing', async () => {
    const [first, second] = [await keysFor(PACS), await keysFor({ ...PACS, name: 'other' })];
    const link = join(dir, 'mounted');
    await symlink(first.path, link);
    const { knock, logged } = await aDoor({ HILUM_API_KEYS_FILE: link });
    const [old = '', young = ''] = [first.keys[0], second.keys[0]];
    expect([await knock(bearer(old)), await knock(bearer(young))]).toEqual([LET_IN, UNKNOWN]);
    await symlink(second.path, `${link}.new`);
    await rename(`${link}.new`, link);
    await vi.waitFor(async () => expect(await knock(bearer(young))).toEqual(LET_IN), { timeout: 10_000 });
    expect(await knock(bearer(old))).toEqual(UNKNOWN);
    for (const torn of ['{"name": "half', '', '\n']) {
      const errors = logged().split('those before stay valid').length;
      await writeFile(second.path, torn);
      await vi.waitFor(
        () => expect(logged().split('those before stay valid').length).toBeGreaterThan(errors),
        {
          timeout: 10_000,
        },
      );
      expect(await knock(bearer(young))).toEqual(LET_IN);
    }
    await writeFile(second.path, '# nobody');
    await vi.waitFor(async () => expect(await knock(bearer(young))).toEqual(UNKNOWN), { timeout: 10_000 });
  });

  it.each([
    ['is not there', undefined, 'ENOENT'],
    ['is empty', ' ', 'the file is empty'],
    ['is not JSON', 'hk_secret', 'line 1 is not JSON'],
    [
      'holds a key instead of its hash',
      '{"name":"a","hash":"hk_secret","roles":["predict"]}',
      'line 1: hash',
    ],
    ['names a role that there is not', '{"name":"a","hash":"sha256:00","roles":["root"]}', 'line 1'],
    ['gives a name twice', `${newApiKey(PACS).line}\n${newApiKey(PACS).line}`, 'the same name'],
  ])('that %s stops the start, and is not quoted', async (_, text, why) => {
    const path = join(dir, `bad-${(files += 1)}`);
    if (text !== undefined) await writeFile(path, text);
    const error: unknown = await aDoor({ HILUM_API_KEYS_FILE: path }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(why) as string });
    expect(String(error)).not.toContain('hk_secret');
  });

  it('may be one list, as other tools write it', async () => {
    const { key, line } = newApiKey(PACS);
    const path = join(dir, 'list.json');
    await writeFile(path, JSON.stringify([JSON.parse(line)], null, 2));
    const { knock } = await aDoor({ HILUM_API_KEYS_FILE: path });
    expect(await knock(bearer(key))).toEqual(LET_IN);
  });
});

describe('a rate limit', () => {
  it('holds for each key, says when to come back, and lets in again then', async () => {
    const limited: KeyOptions = { ...PACS, rateLimit: { perMinute: 60, burst: 2 } };
    const { path, keys } = await keysFor(limited, { name: 'other', roles: ['predict'] });
    const [key = '', other = ''] = keys;
    let now = 0;
    const { url, knock } = await aDoor({ HILUM_API_KEYS_FILE: path }, { now: () => now });
    expect(await knock(bearer(key))).toEqual(LET_IN);
    expect(await knock(bearer(key))).toEqual(LET_IN);
    const refused = await fetch(`${url}/v1/classify`, { method: 'POST', headers: bearer(key) });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    for (let n = 0; n < 20; n += 1) expect(await knock(bearer(other))).toEqual(LET_IN);
    now = 999;
    expect(await knock(bearer(key))).toEqual([429, 'RATE_LIMITED']);
    now = 1000;
    expect(await knock(bearer(key))).toEqual(LET_IN);
    expect(await knock(bearer(key))).toEqual([429, 'RATE_LIMITED']);
  });

  it('of the server holds for whoever has none of its own, by address where access is open, and not for health', async () => {
    const { url, knock } = await aDoor({ HILUM_RATE_LIMIT: '6' }, { now: () => 0 });
    expect(await knock()).toEqual(LET_IN);
    expect(await knock()).toEqual([429, 'RATE_LIMITED']);
    for (let n = 0; n < 5; n += 1) expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
  });

  it('is not counted for who is not let in', async () => {
    const { path, keys } = await keysFor({ ...PACS, rateLimit: { perMinute: 1 } });
    const { knock } = await aDoor({ HILUM_API_KEYS_FILE: path }, { now: () => 0 });
    for (let n = 0; n < 3; n += 1) expect(await knock(bearer('hk_wrong'))).toEqual(UNKNOWN);
    expect(await knock(bearer(keys[0] ?? ''))).toEqual(LET_IN);
  });
});

describe('the API page', () => {
  interface Described {
    readonly security?: unknown;
    readonly components?: { readonly securitySchemes?: Record<string, unknown> };
    readonly paths: Record<string, Record<string, { readonly security?: unknown }>>;
  }

  it('says what is to be shown, and where nothing is', async () => {
    const { path } = await keysFor(PACS);
    const { url } = await aDoor({ HILUM_API_KEYS_FILE: path });
    const said = (await (await fetch(`${url}/openapi.json`)).json()) as Described;
    expect(said.security).toEqual([{ key: [] }, { bearer: [] }]);
    expect(said.components?.securitySchemes).toMatchObject({ key: { type: 'apiKey', name: 'X-Api-Key' } });
    expect(said.paths['/v1/classify']?.['post']?.security).toBeUndefined();
    for (const open of ['/v2/health/live', '/metrics']) {
      expect(said.paths[open]?.['get']?.security).toEqual([]);
    }
  });

  it('says nothing where access is open', async () => {
    const { url } = await aDoor({});
    expect(await (await fetch(`${url}/openapi.json`)).json()).not.toHaveProperty('security');
  });
});

describe('a browser', () => {
  const preflight = {
    method: 'OPTIONS',
    headers: {
      origin: 'https://viewer.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    },
  };

  it('is told to keep to what the server sends, and pages of others get nothing', async () => {
    const { url } = await aDoor({});
    for (const path of ['/v2/health/live', '/docs/', '/nothing']) {
      const { headers } = await fetch(url + path, { headers: { origin: 'https://viewer.example' } });
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('content-security-policy')).not.toMatch(/script-src[^;]*unsafe/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
    const asked = await fetch(`${url}/v1/classify`, preflight);
    expect([asked.ok, asked.headers.get('access-control-allow-origin')]).toEqual([false, null]);
  });

  it('may call from the origins that are named, keys or not, and from no other', async () => {
    const { path, keys } = await keysFor(PACS);
    const { url } = await aDoor({
      HILUM_API_KEYS_FILE: path,
      HILUM_CORS_ORIGINS: 'https://viewer.example, http://localhost:3000',
    });
    const asked = await fetch(`${url}/v1/classify`, preflight);
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://viewer.example',
    ]);
    expect(asked.headers.get('access-control-allow-headers')).toBe('authorization');
    const from = async (origin: string) => {
      const headers = { ...bearer(keys[0] ?? ''), origin };
      const answer = await fetch(`${url}/v1/classify`, { method: 'POST', headers });
      return [answer.status, answer.headers.get('access-control-allow-origin')];
    };
    expect(await from('http://localhost:3000')).toEqual([503, 'http://localhost:3000']);
    expect(await from('https://evil.example')).toEqual([503, null]);
  });
});
