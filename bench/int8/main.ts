/** `npm run bench:int8 -w bench`: what the int8 file of a network costs and gains on real nodules; see docs/int8.md. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { decodeImage, toTensor } from '@hilum/imaging';
import { loadClassifier, loadEngine, loadOnnx, type Classifier } from '@hilum/model';
import { quantiseModel, train, type DatasetImage, type ImageScore } from '@hilum/trainer';
import { z } from 'zod';
import { benchData, noData, type BenchData } from '../trainer/data.ts';
import { medianOf } from '../trainer/median.ts';

const INPUT_SIZE = 64;
const EXAMS = 240;
const ROUNDS = 9;
const BATCH = 16;
const head = { trainableFrom: 'head', views: 1, l2: 0, dropout: 0.5 } as const;
const shallow = {
  ...head,
  taps: ['block1_conv2', 'block2_conv2', 'block3_conv3'],
  pooling: 'avg-max',
  headUnits: 0,
} as const;
const NETWORKS = [
  { name: 'block5_pool', ...head, taps: ['block5_pool'], pooling: 'avg', normalise: 'none', headUnits: 256 },
  { name: 'blocks 1 to 3', ...shallow, normalise: 'none' },
  { name: 'blocks 1 to 3, normalised', ...shallow, normalise: 'quantile' },
] as const;
const ONNX = 'model.onnx';

if (noData !== false) throw new Error(noData);
const scratch = await mkdtemp(join(tmpdir(), 'hilum-bench-int8-'));
try {
  const data = await benchData(scratch, EXAMS);
  const [before = 0] = loadavg();
  write(
    `${cpus()[0]?.model.trim() ?? 'a processor'}, ${availableParallelism()} cores, load ${before.toFixed(1)}`,
  );
  write(
    `${data.images.length} images; in parts ${JSON.stringify(data.parts)}; one thread, batches of ${BATCH}`,
  );
  for (const network of NETWORKS) write(JSON.stringify(await measure(data, network)));
} finally {
  await rm(scratch, { recursive: true, force: true });
}

type Network = (typeof NETWORKS)[number];

async function measure(data: BenchData, network: Network): Promise<unknown> {
  const dir = await trained(data, network);
  const tf = await loadEngine();
  const classifier = await loadClassifier(tf, dir);
  const whole = await tf.loadLayersModel(`file://${join(dir, 'tfjs/model.json')}`);
  const { contract, labels, positiveLabel, files } = classifier.info;
  const { sides } = z
    .object({ sides: z.record(z.string(), z.string()) })
    .parse(JSON.parse(await readFile(data.split, 'utf8')));
  const on = (side: string) => data.images.filter(({ file }) => sides[file] === side);
  const common = {
    tf,
    whole,
    contract,
    dir: data.dir,
    train: on('train'),
    classes: { labels, positiveLabel },
  };
  const validation = await scoresOf(classifier, data, on('validation'));
  const { record, bytes } = await quantiseModel({ ...common, validation });
  // What is kept is decided on validation; what it costs on images that decided nothing is for this page alone.
  const test = await quantiseModel({ ...common, validation: await scoresOf(classifier, data, on('test')) });
  const times = bytes === undefined ? undefined : await timesOf(classifier, join(dir, ONNX), bytes);
  classifier.dispose();
  whole.dispose();
  const fp32Bytes = files.find(({ path }) => path === ONNX)?.bytes;
  return { network: network.name, validation: record, test: test.record, fp32Bytes, ...times };
}

async function trained(data: BenchData, { name, ...model }: Network): Promise<string> {
  const outDir = join(scratch, name);
  await train({
    dataDir: data.dir,
    outDir,
    cacheDir: join(scratch, 'features'),
    baseWeights: await baseWeightsPath(),
    split: { record: data.split },
    preprocessing: { inputSize: INPUT_SIZE },
    model,
    hyperparameters: {
      epochs: 12,
      batchSize: 32,
      learningRate: 0.001,
      seed: 7,
      optimizer: 'adam',
      schedule: 'constant',
      warmupEpochs: 0,
      patience: 0,
      keepEpoch: 'best',
      classWeights: 'balanced',
      unitWeights: 'none',
    },
    augmentation: { copies: 0, rotationDegrees: 0, shiftPercent: 0, scalePercent: 0, noise: 0 },
  });
  return outDir;
}

async function scoresOf(
  classifier: Classifier,
  { dir }: BenchData,
  images: readonly DatasetImage[],
): Promise<readonly ImageScore[]> {
  const { contract, labels } = classifier.info;
  const scores: ImageScore[] = [];
  for (const image of images) {
    const { tensor } = toTensor(await decodeImage(await readFile(join(dir, image.file))), contract);
    const row = classifier.predict(tensor, 1);
    const probabilities = Object.fromEntries(labels.map((label, at) => [label, row[at] ?? Number.NaN]));
    scores.push({ ...image, probabilities });
  }
  return scores;
}

/** Milliseconds an image, in turns, so that what else runs meets both. */
async function timesOf({ info }: Classifier, onnx: string, int8File: Uint8Array) {
  const [fp32, int8] = [await loadOnnx(onnx), await loadOnnx(int8File)];
  const images = new Float32Array(BATCH * info.contract.inputSize ** 2 * 3).map((_, at) => (at % 251) - 110);
  const times = { fp32Ms: [] as number[], int8Ms: [] as number[] };
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const [network, kept] of [
      [fp32, times.fp32Ms],
      [int8, times.int8Ms],
    ] as const) {
      const start = performance.now();
      await network.predict(images, BATCH);
      if (round >= 0) kept.push((performance.now() - start) / BATCH); // the first takes memory
    }
  }
  await fp32.dispose();
  await int8.dispose();
  const ratios = times.fp32Ms.map((ms, at) => ms / (times.int8Ms[at] ?? Number.NaN));
  return {
    fp32Ms: medianOf(times.fp32Ms),
    int8Ms: medianOf(times.int8Ms),
    ratio: { median: medianOf(ratios), least: Math.min(...ratios), most: Math.max(...ratios) },
  };
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}
