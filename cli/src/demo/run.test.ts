import { describe, expect, it } from 'vitest';
import { runDemo } from './run.ts';
import { createScreen } from './screen.ts';
import type { Target } from './target.ts';

/** A cluster that accepts a call and never answers. */
const silent: Target = {
  kind: 'context',
  name: 'silent',
  kubectlCommand: ['kubectl'],
  kubectl: () => new Promise(() => undefined),
  helm: () => new Promise(() => undefined),
  provide: () => new Promise(() => undefined),
  remove: () => Promise.resolve(),
};
const screen = createScreen({ write: () => undefined });

describe('the demo', () => {
  it('ends at once when told to, also while a cluster keeps it waiting', async () => {
    const stop = new AbortController();
    const demo = runDemo({ namespace: 'hilum', nowMs: 0, target: silent, signal: stop.signal }, screen);
    stop.abort(Object.assign(new Error('told to end'), { exitCode: 130 }));
    await expect(demo).rejects.toMatchObject({ exitCode: 130 });
  });

  it('says so where the folder of images is not there', async () => {
    const options = { namespace: 'hilum', nowMs: 0, target: silent, data: '/no/such/folder' };
    await expect(runDemo(options, screen)).rejects.toMatchObject({ code: 'NO_DATA' });
  });
});
