import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('the settings', () => {
  it('need only a folder', () => {
    expect(readConfig({ HILUM_MODEL_URI: './package' })).toMatchObject({
      model: { uri: './package' },
      host: '0.0.0.0',
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
    ['no model', {}, 'HILUM_MODEL_URI: the model to serve is missing'],
    ['a registry address without a server', { HILUM_MODEL_URI: 'models:/lung@champion' }, 'HILUM_MLFLOW_URI'],
    ['an address that names no version', { HILUM_MODEL_URI: 'models:/lung' }, 'models:/NAME/VERSION'],
    ['a digest that is none', { HILUM_MODEL_URI: 'x', HILUM_MODEL_DIGEST: 'abc' }, 'HILUM_MODEL_DIGEST'],
    [
      'a port that is none',
      { HILUM_MODEL_URI: 'x', HILUM_PORT: 'http' },
      'HILUM_PORT: a whole number from 0 to 65535',
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
