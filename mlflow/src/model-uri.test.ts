import { describe, expect, it } from 'vitest';
import { parseModelUri } from './model-uri.ts';

describe('parseModelUri', () => {
  it.each([
    { uri: 'models:/lung@champion', want: { name: 'lung', alias: 'champion' } },
    { uri: 'models:/lung/3', want: { name: 'lung', version: '3' } },
    { uri: 'models:/team a@b@champion', want: { name: 'team a@b', alias: 'champion' } },
  ])('reads $uri', ({ uri, want }) => {
    expect(parseModelUri(uri)).toEqual(want);
  });

  it.each([
    'models:/lung',
    'models:/lung/latest',
    'models:/lung/Production',
    'models:/lung@latest',
    'models:/lung@v3',
    'models:/lung/0',
    'models:/lung/3/x',
    'models:/@champion',
    'models://lung@champion',
    'runs:/abc/model',
    'lung@champion',
    '',
  ])('refuses %j', (uri) => {
    expect(() => parseModelUri(uri)).toThrow(expect.objectContaining({ code: 'MODEL_URI_INVALID' }) as Error);
  });
});
