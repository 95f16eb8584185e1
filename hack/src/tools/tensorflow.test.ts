import { mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { sha256File } from '../cache.ts';
import { installTensorflow, nativeTensorflowDir } from './tensorflow.ts';
import { baseWeightsPath } from './weights.ts';

let into: string;

beforeEach(async () => {
  into = await mkdtemp(join(tmpdir(), 'hilum-tfjs-node-'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(into, { recursive: true, force: true });
});

it('installs the native files into an npm package, and again after npm ci wiped it', async () => {
  const native = await nativeTensorflowDir();
  await installTensorflow({ into });
  await rm(join(into, 'deps'));
  await writeFile(join(into, 'deps'), 'something else');
  await installTensorflow({ into });
  await installTensorflow({ into });
  expect(await readlink(join(into, 'deps'))).toBe(join(native, 'deps'));
  expect(await readlink(join(into, 'lib'))).toBe(join(native, 'lib'));
});

it('links the addon to libtensorflow by a path relative to itself, so that an image can hold it', async () => {
  const addon = await readFile(join(await nativeTensorflowDir(), 'lib/napi-v8/tfjs_binding.node'), 'latin1');
  expect(addon).toContain('$ORIGIN/../../deps/lib\0');
});

it('the base weights are the canonical file', async () => {
  // As model/src/weights/base.ts has it.
  const sha256 = 'd9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd';
  expect(await sha256File(await baseWeightsPath())).toBe(sha256);
});

it('takes base weights that the user gives', async () => {
  vi.stubEnv('HILUM_BASE_WEIGHTS', join(into, 'mine.f32'));
  expect(await baseWeightsPath()).toBe(join(into, 'mine.f32'));
});
