import { join } from 'node:path';
import { run } from '@hilum/hack';
import { afterEach, expect, it, vi } from 'vitest';
import { loadEngine } from '../src/index.ts';

afterEach(() => vi.unstubAllEnvs());

it('loads native TensorFlow, on any Node', async () => {
  const tf = await loadEngine();
  expect(tf.getBackend()).toBe('tensorflow');
  const sum = tf.tidy(() => tf.tensor1d([1, 2, 3]).sum());
  expect(sum.dataSync()[0]).toBe(6); // the first operation is what fails on Node 23 and later without our help
  sum.dispose();
});

it('says what is missing where the native library is not installed', async () => {
  // Set-up makes no GPU engine. In a process of its own: two engines in one share a registry.
  const index = join(import.meta.dirname, '../src/index.ts');
  const load = `const { loadEngine } = await import(${JSON.stringify(index)});
    await loadEngine().catch((error) => console.log(error.code, error.message));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', load], {
    env: { HILUM_ENGINE: 'gpu' },
  });
  expect(stdout).toMatch(
    /^ENGINE_MISSING .*tfjs-node-gpu could not be loaded \(.+\); npm run setup makes the cpu engine only; the gpu engine is in the trainer-gpu image \(npm run images -- --gpu\)\n$/,
  );
});

it('names the engines when asked for one that it does not know', async () => {
  vi.stubEnv('HILUM_ENGINE', 'abacus');
  await expect(loadEngine()).rejects.toMatchObject({
    code: 'ENGINE_UNKNOWN',
    message: 'HILUM_ENGINE is "abacus"; it is one of cpu, gpu',
  });
});
