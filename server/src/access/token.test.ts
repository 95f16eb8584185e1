/** Against a real issuer in small: its discovery document and its keys over HTTP, tokens signed by jose. */
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Registry } from 'prom-client';
import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair } from 'jose';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { LET_IN, UNKNOWN, aDoor } from '../../test/door.ts';
import { LIMITS, RENDERING, scratch, servedAs, writeRealPackage } from '../../test/fixtures.ts';
import { until } from '../../test/listening.ts';

const DOWN = [503, 'ISSUER_UNREACHABLE'] as const;
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

const now = (): number => Math.floor(Date.now() / 1000);

interface SigningKey {
  readonly alg: string;
  readonly kid: string;
  readonly pair: Awaited<ReturnType<typeof generateKeyPair>>;
}

async function aKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  return { alg, kid, pair: await generateKeyPair(alg, { extractable: true }) };
}

class Issuer {
  url = '';
  keys: readonly SigningKey[] = [];
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  status = 200;
  itself: string | undefined;
  server: Server | undefined;
  /** Nothing is answered before it. */
  held: Promise<unknown> = Promise.resolve();

  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      this.asked.push(request.url ?? '');
      void this.answer(request.url ?? '').then((body) =>
        response.writeHead(this.status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      );
    }).listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/realms/hospital`;
  }

  async answer(path: string): Promise<unknown> {
    await this.held;
    if (path.endsWith('/.well-known/openid-configuration')) {
      return { issuer: this.itself ?? this.url, jwks_uri: `${this.url}/keys` };
    }
    const keys = this.keys.map(async ({ alg, kid, pair }) => ({
      ...(await exportJWK(pair.publicKey)),
      alg,
      kid,
      use: 'sig',
    }));
    return { keys: await Promise.all(keys) };
  }

  token(key: SigningKey, claims: Record<string, unknown> = {}): Promise<string> {
    const all = {
      iss: this.url,
      aud: 'hilum',
      sub: 'workstation-7',
      exp: now() + 300,
      roles: ['hilum:predict'],
      ...claims,
    };
    return new SignJWT(all).setProtectedHeader({ alg: key.alg, kid: key.kid }).sign(key.pair.privateKey);
  }
}

let issuer: Issuer;
let key: SigningKey;

beforeEach(async () => {
  issuer = new Issuer();
  key = await aKey('one');
  issuer.keys = [key];
  await issuer.start();
  onTestFinished(() => void issuer.server?.close());
});

const settings = (): Record<string, string> => ({
  HILUM_OIDC_ISSUER: issuer.url,
  HILUM_OIDC_AUDIENCE: 'hilum',
});

describe('a token', () => {
  it.each(['ES256', 'RS256', 'PS512', 'EdDSA'])('signed with %s lets its subject in', async (alg) => {
    const signing = await aKey('two', alg);
    issuer.keys = [key, signing];
    const { knock, logged } = await aDoor(settings());
    const token = await issuer.token(signing);
    expect(await knock(bearer(token))).toEqual(LET_IN);
    expect(await knock(bearer(token))).toEqual(LET_IN);
    expect(issuer.asked).toHaveLength(2); // the discovery and the keys, once
    expect(logged()).not.toContain(token.slice(-40));
  });

  it.each([
    ['of another issuer', () => issuer.token(key, { iss: 'https://evil.example' })],
    ['for another service', () => issuer.token(key, { aud: 'mail' })],
    ['that has expired', () => issuer.token(key, { exp: now() - 60 })],
    ['that never expires', () => issuer.token(key, { exp: undefined })],
    ['that is not valid yet', () => issuer.token(key, { nbf: now() + 60 })],
    ['of nobody', () => issuer.token(key, { sub: undefined })],
    ['by a key that the issuer does not know', async () => issuer.token(await aKey('one'))],
    ['by a key of another name', async () => issuer.token(await aKey('three'))],
    [
      'without a signature',
      () =>
        Promise.resolve(
          new UnsecuredJWT({ iss: issuer.url, aud: 'hilum', sub: 'x', exp: now() + 300 }).encode(),
        ),
    ],
    [
      'by the public key as a shared secret',
      async () => {
        const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(key.pair.publicKey)));
        return new SignJWT({ roles: ['hilum:admin'] })
          .setProtectedHeader({ alg: 'HS256', kid: 'one' })
          .setIssuer(issuer.url)
          .setAudience('hilum')
          .setSubject('x')
          .setExpirationTime('5m')
          .sign(secret);
      },
    ],
    ['that is none', () => Promise.resolve('a.b.c')],
    ['that is as long as a book', () => Promise.resolve('a'.repeat(15_000))],
  ])('%s does not', async (_, make) => {
    const { knock } = await aDoor(settings());
    expect(await knock(bearer(await make()))).toEqual(UNKNOWN);
  });

  it('may be half a minute off, as clocks are', async () => {
    const { knock } = await aDoor(settings());
    expect(await knock(bearer(await issuer.token(key, { exp: now() - 20 })))).toEqual(LET_IN);
    expect(await knock(bearer(await issuer.token(key, { nbf: now() + 20 })))).toEqual(LET_IN);
  });

  it('by a new key is taken as soon as the issuer has it, and by one that it withdrew no more', async () => {
    const { knock } = await aDoor(settings());
    expect(await knock(bearer(await issuer.token(key)))).toEqual(LET_IN);
    const next = await aKey('two');
    expect(await knock(bearer(await issuer.token(next)))).toEqual(UNKNOWN);
    issuer.keys = [next];
    expect(await knock(bearer(await issuer.token(next)))).toEqual(LET_IN);
    expect(await knock(bearer(await issuer.token(key)))).toEqual(UNKNOWN);
  });

  it.each([
    ['none', {}, { roles: [] }, 'FORBIDDEN'],
    ['an issuer’s own admin', {}, { roles: ['admin', 'predict'] }, 'FORBIDDEN'],
    [
      'a text with spaces',
      { HILUM_OIDC_ROLES_CLAIM: 'scope' },
      { scope: 'openid hilum:predict' },
      'MODEL_NOT_READY',
    ],
    [
      'a path of claims',
      { HILUM_OIDC_ROLES_CLAIM: 'realm_access.roles', HILUM_OIDC_ROLE_PREFIX: 'ct-' },
      { realm_access: { roles: ['ct-predict'] } },
      'MODEL_NOT_READY',
    ],
    [
      'a claim whose name has dots',
      { HILUM_OIDC_ROLES_CLAIM: 'https://hospital.example/roles' },
      { 'https://hospital.example/roles': ['hilum:predict'] },
      'MODEL_NOT_READY',
    ],
  ])('has the roles of %s', async (_, env, claims, code) => {
    const { knock } = await aDoor({ ...settings(), ...env });
    const token = await issuer.token(key, { roles: undefined, ...claims });
    expect((await knock(bearer(token)))[1]).toBe(code);
  });
});

describe('an issuer', () => {
  it('that does not answer is the cause of a 503, and is asked again', async () => {
    const { knock } = await aDoor(settings());
    const token = await issuer.token(key);
    issuer.status = 500;
    expect(await knock(bearer(token))).toEqual(DOWN);
    issuer.status = 200;
    expect(await knock(bearer(token))).toEqual(LET_IN);
  });

  it('whose keys cannot be fetched is no reason to call a token wrong', async () => {
    const { knock } = await aDoor(settings());
    expect(await knock(bearer(await issuer.token(key)))).toEqual(LET_IN);
    issuer.status = 500;
    expect(await knock(bearer(await issuer.token(await aKey('two'))))).toEqual(DOWN);
    expect(await knock(bearer(await issuer.token(key)))).toEqual(LET_IN);
  });

  it('that calls itself by another name is not believed', async () => {
    issuer.itself = 'https://evil.example';
    const { knock } = await aDoor(settings());
    expect(await knock(bearer(await issuer.token(key)))).toEqual(DOWN);
  });

  it('that answers once the client is gone leaves nothing of it in flight', async () => {
    const folder = await scratch();
    onTestFinished(() => folder[Symbol.asyncDispose]());
    const model = servedAs(await writeRealPackage(folder.path), RENDERING);
    const registry = new Registry();
    const { port, knock, logged } = await aDoor(settings(), {
      model: {
        state: { code: 'READY', message: 'ready', model },
        infer: () => Promise.reject(new Error('nothing is inferred')),
      },
      limits: { ...LIMITS, inFlight: 1, explanations: 1 },
      registry,
    });
    const { authorization = '' } = bearer(await issuer.token(key, { roles: ['hilum:admin'] }));
    const answered = Promise.withResolvers<undefined>();
    issuer.held = answered.promise;
    for (const path of ['classify', 'explain']) {
      const socket = connect(port, '127.0.0.1');
      const head = `POST /v1/${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n`;
      // What was written arrives before the end of the connection.
      socket.write(`${head}content-length: 9\r\n\r\n`, () => socket.destroy());
    }
    await until(() => logged().split('CLIENT_GONE').length === 3);
    answered.resolve(undefined);
    expect(await knock({ authorization })).toEqual([415, 'NOT_AN_IMAGE']);
    expect(await knock({ authorization, accept: 'image/png' }, '/v1/explain')).toEqual([415, 'NOT_AN_IMAGE']);
    expect(await registry.getSingleMetricAsString('hilum_requests_in_flight')).toContain(
      'hilum_requests_in_flight 0',
    );
  });
});
