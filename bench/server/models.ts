/** The networks that are served: VGG16, the same in int8 and smaller, and one that costs next to nothing. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { decodeImage, defaultContract, toTensor } from '@hilum/imaging';
import {
  BASE_WEIGHTS_SHA256,
  type Tf,
  buildFrozen,
  buildTail,
  int8Model,
  joinModel,
  loadEngine,
  loadOnnx,
  readBaseWeights,
  writePackage,
} from '@hilum/model';
import type { Payloads } from './requests.ts';

const LUNG = { center: -600, width: 1500 };
const HEAD_UNITS = 256;
const CREATED_AT = '2026-01-02T03:04:05.000Z';

type Layers = Parameters<typeof writePackage>[2];

/** VGG16 (ImageNet), mean of the last map, 256 hidden units with random weights, two labels. */
export async function vggPackage(dir: string, inputSize: number): Promise<void> {
  const tf = await loadEngine();
  const model = await vgg(tf, inputSize);
  await write(tf, dir, model, inputSize);
  model.dispose();
}

/** The same network with an int8 file beside the float32 one, calibrated on the bench's own images. */
export async function int8Package(dir: string, inputSize: number, payloads: Payloads): Promise<void> {
  const tf = await loadEngine();
  const model = await vgg(tf, inputSize);
  const contract = defaultContract('grey', inputSize, LUNG);
  const tensors = await Promise.all(
    payloads.pngs.map(async (png) => toTensor(await decodeImage(png), contract).tensor),
  );
  const images = new Float32Array(tensors.length * inputSize ** 2 * 3);
  for (const [at, tensor] of tensors.entries()) images.set(tensor, at * tensor.length);
  const int8 = await int8Model(tf, model, images);
  if (int8 === undefined) throw new Error('VGG16 has convolutions');
  await write(tf, dir, model, inputSize, { 'model.int8.onnx': int8 });
  model.dispose();
}

/** The mean of each colour and two numbers of it: what is left is the server. */
export async function nullPackage(dir: string, inputSize: number): Promise<void> {
  const tf = await loadEngine();
  const image = tf.input({ shape: [inputSize, inputSize, 3], name: 'image' });
  const mean = tf.layers.globalAveragePooling2d({ name: 'mean' }).apply(image) as typeof image;
  const logits = tf.layers.dense({ units: 2, name: 'logits' }).apply(mean) as typeof image;
  const softmax = tf.layers.activation({ activation: 'softmax', name: 'probabilities' });
  const model = tf.model({ inputs: image, outputs: softmax.apply(logits) as typeof image, name: 'null' });
  model
    .getLayer('logits')
    .setWeights([tf.tensor2d([0.01, -0.01, 0.02, -0.02, 0.01, 0], [3, 2]), tf.zeros([2])]);
  await write(tf, dir, model, inputSize);
  model.dispose();
}

/** What a package's float32 file says of the PNGs by our own preprocessing: probability of the second label. */
export async function ownAnswers(dir: string, inputSize: number, { pngs }: Payloads): Promise<number[]> {
  const contract = defaultContract('grey', inputSize, LUNG);
  const onnx = await loadOnnx(join(dir, 'model.onnx'));
  const answers: number[] = [];
  for (const png of pngs) {
    const { tensor } = toTensor(await decodeImage(png), contract);
    answers.push((await onnx.predict(tensor, 1))[1] ?? Number.NaN);
  }
  await onnx.dispose();
  return answers;
}

async function vgg(tf: Tf, inputSize: number): Promise<Layers> {
  const weights = await readBaseWeights(await baseWeightsPath());
  const shape = { inputSize, cut: 'head' } as const;
  const frozen = buildFrozen(tf, weights, shape);
  const tail = buildTail(tf, weights, { ...shape, classes: 2, headUnits: HEAD_UNITS, dropout: 0, seed: 11 });
  // An untrained tail answers 0.5 to everything; small random values tell images apart and are never certain.
  tail
    .getLayer('logits')
    .setWeights([tf.randomUniform([HEAD_UNITS, 2], -0.02, 0.02, 'float32', 5), tf.zeros([2])]);
  const model = joinModel(tf, frozen, tail);
  frozen.dispose();
  tail.dispose();
  return model;
}

async function write(
  tf: Tf,
  dir: string,
  model: Layers,
  inputSize: number,
  extras: Readonly<Record<string, Uint8Array>> = {},
): Promise<void> {
  await mkdir(dir, { recursive: true });
  const metadata = {
    labels: ['benign', 'malignant'],
    positiveLabel: 'malignant',
    contract: defaultContract('grey', inputSize, LUNG),
    metrics: { 'test/auc_roc': 0.5 },
    baseWeightsSha256: BASE_WEIGHTS_SHA256,
    createdAt: CREATED_AT,
  };
  await writePackage(dir, tf, model, metadata, extras);
}
