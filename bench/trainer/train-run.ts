/** Our side, in a process of its own: `train-run.ts REQUEST`. One line when the model is evaluated, one with the answer. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { train, type TrainEvent } from '@hilum/trainer';
import { z } from 'zod';
import { peakMiB } from './peak.ts';

const request = z.object({
  dataDir: z.string(),
  split: z.string(),
  baseWeights: z.string(),
  scratch: z.string(),
  inputSize: z.number(),
  epochs: z.number(),
  batchSize: z.number(),
  learningRate: z.number(),
  headUnits: z.number(),
  dropout: z.number(),
  seed: z.number(),
});

const [path = ''] = process.argv.slice(2);
const asked = request.parse(JSON.parse(await readFile(path, 'utf8')));
await mkdir(asked.scratch, { recursive: true });

const features: { readonly atMs: number; readonly done: number }[] = [];

function onEvent(event: TrainEvent): void {
  if (event.type === 'features')
    features.push({ atMs: performance.now(), done: event.images - event.cached });
  // Packaging and its check come after; the Keras script does neither.
  if (event.type === 'evaluated') process.stdout.write(`${JSON.stringify(event)}\n`);
}

const { details } = await train({
  dataDir: asked.dataDir,
  outDir: join(asked.scratch, 'package'),
  cacheDir: join(asked.scratch, 'features'),
  baseWeights: asked.baseWeights,
  split: { record: asked.split },
  preprocessing: { inputSize: asked.inputSize },
  model: {
    trainableFrom: 'head',
    taps: ['block5_pool'],
    pooling: 'avg',
    views: 1,
    normalise: 'none',
    headUnits: asked.headUnits,
    dropout: asked.dropout,
    l2: 0,
  },
  hyperparameters: {
    epochs: asked.epochs,
    batchSize: asked.batchSize,
    learningRate: asked.learningRate,
    seed: asked.seed,
    optimizer: 'adam',
    schedule: 'constant',
    warmupEpochs: 0,
    patience: 0,
    keepEpoch: 'best',
    classWeights: 'balanced',
    unitWeights: 'none',
  },
  augmentation: { copies: 0, rotationDegrees: 0, shiftPercent: 0, scalePercent: 0, noise: 0 },
  onEvent,
});

const [first, last] = [features[0], features.at(-1)];
if (first === undefined || last === undefined || details === undefined)
  throw new Error('nothing was computed');
const scores = Object.fromEntries(
  details.evaluation.images.map(({ file, probabilities }) => [
    file,
    probabilities['malignant'] ?? Number.NaN,
  ]),
);
const extraction = (last.done - first.done) / ((last.atMs - first.atMs) / 1000);
process.stdout.write(`${JSON.stringify({ scores, peakMiB: peakMiB(), extraction })}\n`);
