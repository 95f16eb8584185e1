import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  INT8_PATH,
  int8Model,
  loadClassifier,
  loadEngine,
  loadOnnx,
  openPackage,
  readGoldenInputs,
  writePackage,
  type PackageInfo,
  type Tf,
} from '../src/index.ts';
import { metadata, noise, SIZE, smallModel } from './fixture.ts';
import { rewritten } from './manifest.ts';

let tf: Tf;
let scratch: string;
let model: tfjs.LayersModel;
let info: PackageInfo;

beforeAll(async () => {
  tf = await loadEngine();
  scratch = await mkdtemp(join(tmpdir(), 'hilum-golden-'));
  model = smallModel(tf);
  const int8 = await int8Model(tf, model, noise(tf, 4));
  if (int8 === undefined) throw new Error('the small model has a convolution');
  info = await writePackage(join(scratch, 'package'), tf, model, metadata, { [INT8_PATH]: int8 });
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

const pixels = SIZE * SIZE * 3;

describe('the golden images of a package', () => {
  it('are drawn, differ, and are levels of grey as the network takes them', async () => {
    const { golden } = info;
    if (golden === undefined) throw new Error('no golden images');
    const inputs = await readGoldenInputs(info.dir, golden);
    expect([golden.count, inputs.length]).toEqual([3, 3 * pixels]);
    const levels = await readFile(join(info.dir, 'golden/inputs.u8'));
    expect(new Set(levels).size).toBeGreaterThan(100);
    // Level less the means of blue, green and red.
    for (const [channel, mean] of [103.939, 116.779, 123.68].entries()) {
      expect(inputs[5 * 3 + channel]).toBeCloseTo((levels[5] ?? 0) - mean, 3);
    }
  });

  it('carry what the float32 network and the int8 file say of them, each its own', async () => {
    const golden = info.golden;
    if (golden?.int8 === undefined) throw new Error('no golden answers of int8');
    const inputs = await readGoldenInputs(info.dir, golden);
    const classifier = await loadClassifier(tf, info.dir);
    const [float32, int8] = await Promise.all([
      loadOnnx(join(info.dir, 'model.onnx')),
      loadOnnx(join(info.dir, INT8_PATH)),
    ]);
    const answers = {
      tensorflow: classifier.predict(inputs.slice(), golden.count),
      float32: await float32.predict(inputs.slice(), golden.count),
      int8: await int8.predict(inputs.slice(), golden.count),
    };
    near(answers.tensorflow, golden.outputs, 1e-6);
    near(answers.float32, golden.outputs, 1e-5);
    near(answers.int8, golden.int8.outputs, 1e-6);
    expect(golden.int8.outputs).not.toEqual(golden.outputs);
    await Promise.all([float32.dispose(), int8.dispose()]);
    classifier.dispose();
  });

  it('are absent in packages of versions before there were any, which open all the same', async () => {
    const dir = await copy('older');
    await rewritten(dir, (files) => files.filter(({ path }) => !path.startsWith('golden/')));
    expect((await openPackage(dir)).golden).toBeUndefined();
  });

  it.each([
    { what: 'of another version', change: { version: 2 } },
    { what: 'with an answer too few', change: { count: 4 } },
    { what: 'of another input size', change: { inputSize: 32 } },
    { what: 'without a tolerance', change: { tolerance: 0 } },
    { what: 'with a label too few', change: { outputs: [[1], [1], [1]] } },
  ])('are refused $what', async ({ change }) => {
    const dir = await copy('changed');
    const text = JSON.stringify({ ...info.golden, ...change });
    await writeFile(join(dir, 'golden/golden.json'), text);
    await rewritten(dir, (files) => files, { 'golden/golden.json': text });
    await expect(openPackage(dir)).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });
});

function near(got: Float32Array, want: readonly (readonly number[])[], by: number): void {
  for (const [at, value] of want.flat().entries()) {
    expect(Math.abs((got[at] ?? Number.NaN) - value)).toBeLessThan(by);
  }
}

async function copy(name: string): Promise<string> {
  const dir = join(scratch, name);
  await rm(dir, { recursive: true, force: true });
  await cp(info.dir, dir, { recursive: true });
  return dir;
}
