import { createHash } from 'node:crypto';
import { appendFile, cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { defaultContract } from '@hilum/imaging';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildFrozen,
  buildTail,
  joinModel,
  loadClassifier,
  loadEngine,
  openPackage,
  readBaseWeights,
  writePackage,
  type PackageInfo,
  type PackageMetadata,
  type Tf,
} from '../src/index.ts';
import { python } from './python.ts';

const SIZE = 64;
const metadata: PackageMetadata = {
  labels: ['benign', 'malignant', 'no'], // Python's YAML takes a bare "no" for false
  positiveLabel: 'malignant',
  contract: defaultContract('hu', SIZE),
  metrics: { 'test/auc_roc': 0.875, 'test/accuracy': 0.8 },
  baseWeightsSha256: 'd9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd',
  createdAt: '2026-11-24T05:40:00.123Z',
  run: { id: '00000000000000000000000000000010' }, // and this for a number
};

let tf: Tf;
let scratch: string;
let model: tfjs.LayersModel;
let info: PackageInfo;

beforeAll(async () => {
  tf = await loadEngine();
  scratch = await mkdtemp(join(tmpdir(), 'hilum package-'));
  model = await classifierModel();
  info = await writePackage(join(scratch, 'package'), tf, model, metadata);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('a package in Python', () => {
  const n = 3;
  let images: Float32Array;
  let results: readonly Float32Array[];
  let said: Record<string, unknown>;

  beforeAll(async () => {
    images = noise(n);
    const input = { shape: [n, SIZE, SIZE, 3], values: images };
    const answer = await python('open_package.py', input, ['onnxruntime', 'pyfunc'], [info.dir]);
    results = answer.results;
    said = JSON.parse(answer.text) as Record<string, unknown>;
  });

  it('onnxruntime and mlflow.pyfunc answer what the tfjs classifier answers', async () => {
    const classifier = await loadClassifier(tf, info.dir);
    const ours = classifier.predict(images, n);
    classifier.dispose();
    expect(Math.max(...ours) - Math.min(...ours)).toBeGreaterThan(0.1); // answers that differ, or equality is cheap
    for (const theirs of results) expect(largestDifference(theirs, ours)).toBeLessThan(1e-5);
  });

  it('another network answers otherwise, so the comparison can fail', async () => {
    const layer = model.getLayer('block4_conv2');
    const [kernel, bias] = layer.getWeights().map((weight) => weight.clone());
    if (kernel === undefined || bias === undefined) throw new Error('the layer has no weights');
    layer.setWeights([kernel.transpose([1, 0, 2, 3]), bias]);
    const other = await writePackage(join(scratch, 'other'), tf, model, metadata);
    layer.setWeights([kernel, bias]);
    const classifier = await loadClassifier(tf, other.dir);
    const difference = largestDifference(results[0] ?? new Float32Array(), classifier.predict(images, n));
    classifier.dispose();
    expect(difference).toBeGreaterThan(1e-3);
  });

  it('says in MLflow who made it, for what, and what goes in and out', () => {
    expect(said).toEqual({
      producer: 'hilum',
      doc: 'Research use only, not for diagnosis',
      flavors: ['hilum_tfjs', 'onnx', 'python_function'],
      metadata: {
        intended_use: 'Research use only, not for diagnosis',
        labels: metadata.labels,
        positive_label: 'malignant',
      },
      runId: metadata.run?.id,
      created: '2026-11-24 05:40:00.123',
      inputs: [{ type: 'tensor', 'tensor-spec': { dtype: 'float32', shape: [-1, SIZE, SIZE, 3] } }],
      outputs: [
        { name: 'probabilities', type: 'tensor', 'tensor-spec': { dtype: 'float32', shape: [-1, 3] } },
      ],
    });
  });
});

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
    const made = smallModel();
    const first = await writePackage(dir, tf, made, { ...metadata, positiveLabel: 'benign' });
    const second = await writePackage(dir, tf, made, metadata);
    const elsewhere = await writePackage(join(scratch, 'elsewhere'), tf, made, metadata);
    expect(second.digest).not.toBe(first.digest);
    expect(second.digest).toBe(elsewhere.digest);
  });

  it('keeps no tensor', async () => {
    const made = smallModel();
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
    const flat = tf.layers.globalMaxPooling2d({}).apply(input);
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
    small = await writePackage(join(scratch, 'small'), tf, smallModel(), metadata);
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
    await rewriteManifest(dir, (files) => files.filter((file) => file.path !== 'labels.json'));
    await expect(openPackage(dir)).rejects.toMatchObject({ code: 'PACKAGE_INCOMPLETE' });
  });

  it('refuses a manifest that points out of the package', async () => {
    const dir = await copy('outside');
    await rewriteManifest(dir, (files) => [
      ...files,
      { path: '../small/MLmodel', sha256: '0'.repeat(64), bytes: 1 },
    ]);
    await expect(openPackage(dir)).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });

  it.each([
    { what: 'a later version', change: { version: 2 } },
    { what: 'a step that this version does not know', change: { denoise: true } },
  ])('refuses a contract with $what', async ({ change }) => {
    const dir = await copy('contract');
    const text = JSON.stringify({ ...metadata.contract, ...change });
    await writeFile(join(dir, 'contract.json'), text);
    await rewriteManifest(dir, (files) =>
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
    const batch = noise(2);
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

async function classifierModel(): Promise<tfjs.LayersModel> {
  const weights = await readBaseWeights(await baseWeightsPath());
  const options = { inputSize: SIZE, cut: 'head', classes: 3, headUnits: 32, dropout: 0.5, seed: 3 } as const;
  const [frozen, tail] = [buildFrozen(tf, weights, options), buildTail(tf, weights, options)];
  const joined = joinModel(tf, frozen, tail);
  frozen.dispose();
  tail.dispose();
  // As after training: an output that takes sides, and biases without which a lost bias would not show.
  tf.tidy(() => {
    const [kernel] = joined.getLayer('head').getWeights();
    if (kernel !== undefined)
      joined.getLayer('head').setWeights([kernel, tf.randomUniform([32], -1, 1, 'float32', 11)]);
    const output = [tf.randomUniform([32, 3], -0.02, 0.02, 'float32', 12), tf.tensor1d([0.2, -0.1, 0])];
    joined.getLayer('probabilities').setWeights(output);
  });
  return joined;
}

function smallModel(): tfjs.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [SIZE, SIZE, 3],
        filters: 4,
        kernelSize: 3,
        padding: 'same',
        activation: 'relu',
      }),
      tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
}

type Files = readonly { readonly path: string; readonly sha256: string; readonly bytes: number }[];

async function rewriteManifest(dir: string, change: (files: Files) => Files): Promise<void> {
  const path = join(dir, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as { files: Files };
  await writeFile(path, JSON.stringify({ ...manifest, files: change(manifest.files) }));
}

/** Values in the range of preprocessed images; each image of another strength. */
function noise(images: number): Float32Array {
  const length = images * SIZE * SIZE * 3;
  const values = tf.tidy(() => tf.randomUniform([length], -1, 1, 'float32', 42));
  const floats = values.dataSync<'float32'>();
  values.dispose();
  return floats.map((value, index) => value * (20 + 60 * Math.floor((index / length) * images)));
}

function largestDifference(got: Float32Array, want: Float32Array): number {
  expect(got.length).toBe(want.length);
  return got.reduce((max, value, index) => Math.max(max, Math.abs(value - (want[index] ?? Number.NaN))), 0);
}

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
