import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('the settings', () => {
  it('need only a folder', () => {
    expect(readConfig({ HILUM_MODEL_URI: './package' })).toMatchObject({
      model: { uri: './package' },
      host: '127.0.0.1',
      port: 8080,
      limits: { maxBodyBytes: 33_554_432 },
    });
  });

  it('take what the operator gives a pod', () => {
    const config = readConfig({
      HILUM_MODEL_URI: 'models:/lung/3',
      HILUM_MLFLOW_URI: 'http://mlflow:5000',
      HILUM_MODEL_DIGEST: digest,
      HILUM_MODEL_CACHE: '/models',
      HILUM_PORT: '9000',
      HILUM_MAX_BODY_BYTES: '1000',
      MLFLOW_TRACKING_USERNAME: 'me',
    });
    expect(config.model).toEqual({
      uri: 'models:/lung/3',
      digest,
      cacheDir: '/models',
      mlflow: { baseUrl: 'http://mlflow:5000', username: 'me' },
    });
    expect([config.port, config.limits.maxBodyBytes]).toEqual([9000, 1000]);
  });

  it.each([
    ['that says so', { HILUM_ACCESS: 'open' }, { certificates: false }],
    ['that has keys', { HILUM_API_KEYS_FILE: '/keys' }, { certificates: false, keysFile: '/keys' }],
    [
      'that knows the authority of its clients',
      { HILUM_TLS_CERT: 'c', HILUM_TLS_KEY: 'k', HILUM_TLS_CLIENT_CA: 'ca' },
      { certificates: true },
    ],
  ])('let a server listen to others %s', (_, env, access) => {
    const config = readConfig({ HILUM_MODEL_URI: 'x', HILUM_HOST: '::', ...env });
    expect([config.host, config.access]).toEqual(['::', access]);
  });

  it.each([
    ['no model', {}, 'HILUM_MODEL_URI: the model to serve is missing'],
    ['a registry address without a server', { HILUM_MODEL_URI: 'models:/lung@champion' }, 'HILUM_MLFLOW_URI'],
    ['an address that names no version', { HILUM_MODEL_URI: 'models:/lung' }, 'models:/NAME/VERSION'],
    [
      'an artifact that names no repository',
      { HILUM_MODEL_URI: 'oci://registry' },
      'oci://HOST/REPOSITORY:TAG',
    ],
    ['an artifact without a tag', { HILUM_MODEL_URI: 'oci://registry/lung' }, 'oci://HOST/REPOSITORY:TAG'],
    ['a bucket without a name', { HILUM_MODEL_URI: 's3:///models' }, 's3://BUCKET/PREFIX'],
    ['a kind of address that there is not', { HILUM_MODEL_URI: 'ftp://x/y' }, 'not from ftp'],
    ['a digest that is none', { HILUM_MODEL_URI: 'x', HILUM_MODEL_DIGEST: 'abc' }, 'HILUM_MODEL_DIGEST'],
    [
      'a port that is none',
      { HILUM_MODEL_URI: 'x', HILUM_PORT: 'http' },
      'HILUM_PORT: a whole number from 0 to 65535',
    ],
    [
      'an address that others reach, when nothing says who may ask',
      { HILUM_MODEL_URI: 'x', HILUM_HOST: '0.0.0.0' },
      /HILUM_HOST: .*HILUM_API_KEYS_FILE.*HILUM_ACCESS=open/,
    ],
    [
      'a door that is open and locked',
      { HILUM_MODEL_URI: 'x', HILUM_ACCESS: 'open', HILUM_API_KEYS_FILE: 'keys' },
      'HILUM_ACCESS: it says open',
    ],
    [
      'an issuer without an audience, whose every token would do',
      { HILUM_MODEL_URI: 'x', HILUM_OIDC_ISSUER: 'https://issuer.example' },
      'HILUM_OIDC_AUDIENCE',
    ],
    [
      'an issuer whose keys anybody on the way could change',
      { HILUM_MODEL_URI: 'x', HILUM_OIDC_ISSUER: 'http://issuer.example', HILUM_OIDC_AUDIENCE: 'hilum' },
      'HILUM_OIDC_ISSUER',
    ],
    ['a certificate without its key', { HILUM_MODEL_URI: 'x', HILUM_TLS_CERT: 'tls.crt' }, 'HILUM_TLS_KEY'],
    [
      'an origin that is a page',
      { HILUM_MODEL_URI: 'x', HILUM_CORS_ORIGINS: 'https://viewer.example/app' },
      'HILUM_CORS_ORIGINS',
    ],
    [
      'two mistakes, both named',
      { HILUM_PORT: '-1', HILUM_LOG_LEVEL: 'loud' },
      /HILUM_PORT.*\n.*HILUM_LOG_LEVEL/,
    ],
  ])('refuse %s', (_, env, message) => {
    expect(() => readConfig(env)).toThrow(message);
  });
});
