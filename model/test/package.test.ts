import { createHash } from 'node:crypto';
import { appendFile, cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultContract } from '@hilum/imaging';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  loadClassifier,
  loadEngine,
  openPackage,
  writePackage,
  type PackageInfo,
  type Tf,
} from '../src/index.ts';
import { rewritten } from './manifest.ts';
import { classifierModel, largestDifference, metadata, noise, SIZE, smallModel } from './fixture.ts';

let tf: Tf;
let scratch: string;
let model: tfjs.LayersModel;
let info: PackageInfo;

beforeAll(async () => {
  tf = await loadEngine();
  scratch = await mkdtemp(join(tmpdir(), 'hilum package-'));
  model = await classifierModel(tf);
  info = await writePackage(join(scratch, 'package'), tf, model, metadata);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('writePackage', () => {
  it('gives back what was put in, under the digest of the manifest', async () => {
    expect(info).toMatchObject(metadata);
    expect(info.digest).toBe(`sha256:${sha256(await readFile(join(info.dir, 'manifest.json')))}`);
    expect(await openPackage(info.dir)).toEqual(info);
  });

  it('lists every file of the folder but the manifest', async () => {
    const entries = await readdir(info.dir, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const listed = info.files.map((file) => join(info.dir, file.path));
    expect(files.toSorted()).toEqual([...listed, join(info.dir, 'manifest.json')].toSorted());
  });

  it('makes the same bytes of the same model, over an older package too', async () => {
    const dir = join(scratch, 'again');
    const made = smallModel(tf);
    const first = await writePackage(dir, tf, made, { ...metadata, positiveLabel: 'benign' });
    const second = await writePackage(dir, tf, made, metadata);
    const elsewhere = await writePackage(join(scratch, 'elsewhere'), tf, made, metadata);
    expect(second.digest).not.toBe(first.digest);
    expect(second.digest).toBe(elsewhere.digest);
  });

  it('keeps no tensor', async () => {
    const made = smallModel(tf);
    const before = tf.memory().numTensors;
    await writePackage(join(scratch, 'tidy'), tf, made, metadata);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    { what: 'a label too few', change: { labels: ['benign', 'malignant'] } },
    { what: 'another input size', change: { contract: defaultContract('hu', 32) } },
    { what: 'a positive label that is none of them', change: { positiveLabel: 'maybe' } },
    { what: 'a metric that is no number', change: { metrics: { 'test/auc_roc': Number.NaN } } },
  ])('refuses $what', async ({ change }) => {
    const write = writePackage(join(scratch, 'refused'), tf, model, { ...metadata, ...change });
    await expect(write).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });

  it('refuses a layer that has no ONNX form', async () => {
    const input = tf.input({ shape: [SIZE, SIZE, 3] });
    const flat = tf.layers.flatten().apply(input);
    const output = tf.layers.dense({ units: 3, activation: 'softmax' }).apply(flat) as tfjs.SymbolicTensor;
    const write = writePackage(
      join(scratch, 'refused'),
      tf,
      tf.model({ inputs: input, outputs: output }),
      metadata,
    );
    await expect(write).rejects.toMatchObject({ code: 'LAYER_UNSUPPORTED' });
  });
});

describe('openPackage', () => {
  // Its files are small; what is refused does not depend on the network.
  let small: PackageInfo;

  beforeAll(async () => {
    small = await writePackage(join(scratch, 'small'), tf, smallModel(tf), metadata);
  });

  const copy = async (name: string): Promise<string> => {
    const dir = join(scratch, name);
    await cp(small.dir, dir, { recursive: true });
    return dir;
  };

  it.each(['model.onnx', 'tfjs/weights.bin', 'contract.json', 'MLmodel'])(
    'refuses a flipped bit in %s',
    async (path) => {
      const dir = await copy('flipped');
      const bytes = await readFile(join(dir, path));
      bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
      await writeFile(join(dir, path), bytes);
      await expect(openPackage(dir)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    },
  );

  it.each(['manifest.json', 'labels.json', 'tfjs/model.json'])(
    'refuses a package without %s',
    async (path) => {
      const dir = await copy(`without ${path.replace('/', ' ')}`);
      await rm(join(dir, path));
      await expect(openPackage(dir)).rejects.toMatchObject({ code: 'PACKAGE_INCOMPLETE' });
    },
  );

  it('refuses a manifest that leaves a file out', async () => {
    const dir = await copy('unlisted');
    await rewritten(dir, (files) => files.filter((file) => file.path !== 'labels.json'));
    await expect(openPackage(dir)).rejects.toMatchObject({ code: 'PACKAGE_INCOMPLETE' });
  });

  it('refuses a manifest that points out of the package', async () => {
    const dir = await copy('outside');
    await rewritten(dir, (files) => [
      ...files,
      { path: '../small/MLmodel', sha256: '0'.repeat(64), bytes: 1 },
    ]);
    await expect(openPackage(dir)).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });

  it.each([
    { what: 'a later version', change: { version: 3 } },
    { what: 'a step that this version does not know', change: { denoise: true } },
  ])('refuses a contract with $what', async ({ change }) => {
    const dir = await copy('contract');
    const text = JSON.stringify({ ...metadata.contract, ...change });
    await writeFile(join(dir, 'contract.json'), text);
    await rewritten(dir, (files) =>
      files.map((file) => (file.path === 'contract.json' ? { ...file, sha256: sha256(text) } : file)),
    );
    await expect(openPackage(dir)).rejects.toMatchObject({ code: 'CONTRACT_UNSUPPORTED' });
  });

  it('leaves alone what MLflow adds when it downloads a registered model', async () => {
    const dir = await copy('registered');
    await writeFile(join(dir, 'registered_model_meta'), 'model_name: lung\n');
    expect((await openPackage(dir)).digest).toBe(small.digest);
  });

  it('refuses a manifest that is no JSON', async () => {
    const dir = await copy('garbled');
    await appendFile(join(dir, 'manifest.json'), '}');
    await expect(openPackage(dir)).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });
});

describe('a classifier', () => {
  it('gives each image probabilities that sum to 1, whatever it shares a batch with', async () => {
    const classifier = await loadClassifier(tf, info.dir);
    classifier.warmUp();
    const batch = noise(tf, 2);
    const both = classifier.predict(batch, 2);
    const second = classifier.predict(batch.slice(batch.length / 2), 1);
    classifier.dispose();
    expect(both.slice(0, 3).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    expect(largestDifference(second, both.slice(3))).toBeLessThan(1e-6);
  });

  it('keeps no tensor of its requests, nor of itself once disposed', async () => {
    const before = tf.memory().numTensors;
    const classifier = await loadClassifier(tf, info.dir);
    const loaded = tf.memory().numTensors;
    const batch = new Float32Array(SIZE * SIZE * 3);
    for (let request = 0; request < 5; request++) classifier.predict(batch, 1);
    expect(tf.memory().numTensors).toBe(loaded);
    classifier.dispose();
    classifier.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses a batch that is not n images, and any after its end', async () => {
    const classifier = await loadClassifier(tf, info.dir);
    expect(() => classifier.predict(new Float32Array(SIZE * SIZE * 3), 2)).toThrow(RangeError);
    expect(() => classifier.predict(new Float32Array(0), 0)).toThrow(RangeError);
    classifier.dispose();
    expect(() => classifier.predict(new Float32Array(SIZE * SIZE * 3), 1)).toThrow('disposed');
  });
});

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
