import { describe, expect, it } from 'vitest';
import { encodeArtifactPath, joinArtifactPath, proxiedPath, safeArtifactPath } from './artifact-path.ts';

describe('artifact paths', () => {
  it.each([
    '../secret',
    'model/../../secret',
    '/etc/passwd',
    'model//x',
    './x',
    'a\\..\\b',
    'a%2e%2e/b',
    'a#b',
    'a\u0000b',
    'C:/x',
    'file:///etc/passwd',
    'x'.repeat(1001),
  ])('refuses %j', (path) => {
    expect(() => safeArtifactPath(path)).toThrow(
      expect.objectContaining({ code: 'ARTIFACT_PATH_INVALID' }) as Error,
    );
  });

  it('encodes what a URL would read otherwise', () => {
    expect(encodeArtifactPath('model/weights é+?.bin')).toBe('model/weights%20%C3%A9%2B%3F.bin');
  });

  it('leaves out empty parts when it joins', () => {
    expect(joinArtifactPath('', 'model', '', 'a.txt')).toBe('model/a.txt');
  });

  it.each([
    { uri: 'mlflow-artifacts:/1/abc/artifacts', want: '1/abc/artifacts' },
    { uri: 'mlflow-artifacts://mlflow:5000/1/abc/artifacts/', want: '1/abc/artifacts' },
  ])('finds $want behind the proxy for $uri', ({ uri, want }) => {
    expect(proxiedPath(uri)).toBe(want);
  });

  it.each(['s3://bucket/1/abc', '/var/mlruns/1', 'file:///var/mlruns'])(
    'says that %s is not behind MLflow',
    (uri) => {
      expect(() => proxiedPath(uri)).toThrow(
        expect.objectContaining({ code: 'ARTIFACT_STORE_UNSUPPORTED' }) as Error,
      );
    },
  );

  it('refuses a proxied URI that climbs out', () => {
    expect(() => proxiedPath('mlflow-artifacts:/1/../../etc')).toThrow(
      expect.objectContaining({ code: 'ARTIFACT_PATH_INVALID' }) as Error,
    );
  });
});
