import { describe, expect, it } from 'vitest';
import { imageValues } from './install.ts';

function set(ref: string): Record<string, string> {
  const pairs = imageValues('server', ref).filter((word) => word !== '--set-string');
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}

describe('chart values of an image reference', () => {
  it.each([
    ['localhost/hilum/server:abc', 'localhost', 'hilum/server', 'abc', ''],
    ['127.0.0.1:5000/team/hilum/server:abc', '127.0.0.1:5000', 'team/hilum/server', 'abc', ''],
    [
      'registry.example.org:443/hilum/server@sha256:00ff',
      'registry.example.org:443',
      'hilum/server',
      '',
      'sha256:00ff',
    ],
  ])('takes %s apart', (ref, registry, repository, tag, digest) => {
    expect(set(ref)).toEqual({
      'server.image.registry': registry,
      'server.image.repository': repository,
      'server.image.tag': tag,
      'server.image.digest': digest,
    });
  });
});
