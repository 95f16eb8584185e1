/** Flags of `hilum serve`, in words of the server's own settings. */
import { ConfigError } from '@hilum/server';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type ServerFlags, serverConfig, serverFlagOptions } from './server-config.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

/** What is given, and what of the settings comes of it. */
const EFFECTS: {
  readonly [Flag in keyof Required<ServerFlags>]: readonly [given: ServerFlags, set: object];
} = {
  model: [{ model: 's3://models/lung' }, { model: { uri: 's3://models/lung' } }],
  mlflow: [
    { model: 'models:/lung/1', mlflow: 'http://mlflow.example:5000' },
    { model: { mlflow: { baseUrl: 'http://mlflow.example:5000' } } },
  ],
  digest: [{ digest: DIGEST }, { model: { uri: 'package', digest: DIGEST } }],
  host: [{ host: '127.0.0.2' }, { host: '127.0.0.2' }],
  port: [{ port: '8099' }, { port: 8099 }],
  engine: [{ engine: 'wasm' }, { engine: { kind: 'wasm' } }],
  precision: [{ precision: 'int8' }, { engine: { precision: 'int8' } }],
  // Without it this address is refused: see below.
  access: [{ access: 'open', host: '192.0.2.1' }, { host: '192.0.2.1' }],
  'api-keys': [{ 'api-keys': 'keys.json' }, { access: { keysFile: 'keys.json' } }],
  'tls-cert': [{ 'tls-cert': 'a.crt', 'tls-key': 'a.key' }, { tls: { cert: 'a.crt' } }],
  'tls-key': [{ 'tls-cert': 'a.crt', 'tls-key': 'a.key' }, { tls: { key: 'a.key' } }],
  ledger: [{ ledger: 'records' }, { ledger: { dir: 'records' } }],
  log: [{ log: 'debug' }, { logLevel: 'debug' }],
};

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('HILUM_')) vi.stubEnv(name, undefined);
});

describe('a flag of the server', () => {
  it('is each one tried here', () => {
    expect(Object.keys(serverFlagOptions).toSorted()).toEqual(Object.keys(EFFECTS).toSorted());
  });

  it.each(Object.entries(EFFECTS))('--%s changes the setting that it names', (_, [given, set]) => {
    expect(serverConfig({ model: 'package', ...given })).toMatchObject(set);
  });

  it('goes before the environment, which says the rest', () => {
    vi.stubEnv('HILUM_MODEL_URI', 'package');
    vi.stubEnv('HILUM_PORT', '8098');
    vi.stubEnv('HILUM_QUEUE_LIMIT', '7');
    expect(serverConfig({})).toMatchObject({ port: 8098, model: { uri: 'package' }, limits: { queue: 7 } });
    expect(serverConfig({ port: '8099' })).toMatchObject({ port: 8099, limits: { queue: 7 } });
  });

  it('of the log that is not given leaves standard output to the command, whatever the environment says', () => {
    vi.stubEnv('HILUM_LOG_LEVEL', 'trace');
    expect(serverConfig({ model: 'package' }).logLevel).toBe('silent');
  });
});

describe('a mistake', () => {
  it.each([
    [{ port: 'http' }, '--port: a whole number from 0 to 65535'],
    [{ digest: 'sha256:short' }, '--digest: a digest is sha256: and 64 hex digits'],
    [{ engine: 'abacus' }, '--engine: '],
    [{ 'tls-cert': 'a.crt' }, '--tls-key: TLS needs a certificate and its key'],
    [{ access: 'open', 'api-keys': 'keys.json' }, '--access: it says open, but keys'],
    [{ host: '192.0.2.1' }, '--host: 192.0.2.1 is reached from other machines'],
    [{ host: '192.0.2.1' }, 'Name the keys in --api-keys, an issuer in HILUM_OIDC_ISSUER'],
    [{ model: 'models:/lung/1' }, '--mlflow: a models:/ or runs:/ address needs'],
  ])('%j is told by its flag, and by a variable only where there is no flag', (given, words) => {
    const mistaken = () => serverConfig({ model: 'package', ...given });
    expect(mistaken).toThrow(ConfigError);
    expect(mistaken).toThrow(words);
  });
});
