import { describe, expect, it } from 'vitest';
import { createNewest } from './newest.ts';

function version(resourceVersion: string, uid = 'u') {
  return { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'a', namespace: 'ns', uid, resourceVersion } };
}

describe('the newest version of an object', () => {
  it('is what was written, until the watch has caught up', () => {
    const newest = createNewest();
    newest.wrote(version('10'));
    expect(newest.of(version('9'))).toEqual(version('10'));
    expect(newest.of(version('11'))).toEqual(version('11'));
    expect(newest.of(version('9'))).toEqual(version('9'));
  });

  it('is compared as a number', () => {
    const newest = createNewest();
    newest.wrote(version('100'));
    expect(newest.of(version('99'))).toEqual(version('100'));
  });

  it('is never one of a predecessor under the same name', () => {
    const newest = createNewest();
    newest.wrote(version('10', 'before'));
    expect(newest.of(version('9', 'after'))).toEqual(version('9', 'after'));
  });
});
