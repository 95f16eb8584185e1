import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadClassifier, loadEngine, writePackage, type PackageInfo, type Tf } from '../src/index.ts';
import { classifierModel, largestDifference, metadata, noise, SIZE } from './fixture.ts';
import { python } from './python.ts';

const n = 3;

let tf: Tf;
let scratch: string;
let model: tfjs.LayersModel;
let info: PackageInfo;
let images: Float32Array;
let results: readonly Float32Array[];
let said: Record<string, unknown>;

beforeAll(async () => {
  tf = await loadEngine();
  scratch = await mkdtemp(join(tmpdir(), 'hilum package-'));
  model = await classifierModel(tf);
  info = await writePackage(join(scratch, 'package'), tf, model, metadata);
  images = noise(tf, n);
  const input = { shape: [n, SIZE, SIZE, 3], values: images };
  const answer = await python('open_package.py', input, ['onnxruntime', 'pyfunc', 'example'], [info.dir]);
  results = answer.results;
  said = JSON.parse(answer.text) as Record<string, unknown>;
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

it('onnxruntime and mlflow.pyfunc answer what the tfjs classifier answers', async () => {
  const classifier = await loadClassifier(tf, info.dir);
  const ours = classifier.predict(images, n);
  classifier.dispose();
  expect(Math.max(...ours) - Math.min(...ours)).toBeGreaterThan(0.1); // answers that differ, or equality is cheap
  for (const theirs of results.slice(0, 2)) expect(largestDifference(theirs, ours)).toBeLessThan(1e-5);
});

it('its input example, read by MLflow, is one image that the classifier takes', async () => {
  const classifier = await loadClassifier(tf, info.dir);
  const inputs = JSON.parse(await readFile(join(info.dir, 'input_example.json'), 'utf8')) as number[][][][];
  const ours = classifier.predict(Float32Array.from(inputs.flat(3)), 1);
  classifier.dispose();
  expect(largestDifference(results[2] ?? new Float32Array(), ours)).toBeLessThan(1e-5);
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
    example: ['float32', 1, SIZE, SIZE, 3],
    inputs: [{ type: 'tensor', 'tensor-spec': { dtype: 'float32', shape: [-1, SIZE, SIZE, 3] } }],
    outputs: [{ name: 'probabilities', type: 'tensor', 'tensor-spec': { dtype: 'float32', shape: [-1, 3] } }],
  });
});
