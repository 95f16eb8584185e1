/** From images on disk to the evaluated model: `train()` beside the Keras script, on one split. */
import { join } from 'node:path';
import { baseWeightsPath, tensorflowVenv } from '@hilum/hack';
import { aucRoc, compareAuc } from '@hilum/trainer';
import { z } from 'zod';
import { ask } from './child.ts';
import { writeRequest, type BenchData } from './data.ts';

/** What both sides are asked for. */
export const RECIPE = { headUnits: 256, dropout: 0.5, batchSize: 32, learningRate: 0.001, seed: 7 } as const;

const POSITIVE = 'malignant';

export type Side = {
  /** From the start of the process to the scores of the test part. */
  readonly seconds: number;
  /** Highest resident memory of the process (VmHWM). */
  readonly peakMiB: number;
  readonly auc: number;
};

export type TrainingRow = {
  readonly inputSize: number;
  readonly epochs: number;
  readonly images: number;
  readonly parts: BenchData['parts'];
  /** One per turn. */
  readonly ours: readonly Side[];
  readonly keras: readonly Side[];
  /** Of AUC, ours less Keras', resampling exams. */
  readonly difference: {
    readonly value: number;
    /** None where too few exams were tested. */
    readonly interval?: { readonly low: number; readonly high: number };
  };
  /** Images a second of our cold extraction, from files to features on disk, by the progress that the run reports. */
  readonly extraction: number;
};

const scored = z.object({ peakMiB: z.number(), scores: z.record(z.string(), z.number()) });
const ourAnswer = scored.extend({ extraction: z.number() });

type Job = {
  readonly data: BenchData;
  readonly inputSize: number;
  readonly epochs: number;
  readonly turns: number;
  readonly scratch: string;
};

/** Both sides take turns, ours with no feature cached. */
export async function benchTraining({ data, inputSize, epochs, turns, scratch }: Job): Promise<TrainingRow> {
  const { python } = await tensorflowVenv();
  const common = { ...RECIPE, inputSize, epochs, dataDir: data.dir, split: data.split, labels: data.labels };
  const baseWeights = await baseWeightsPath();
  const ours: (Side & Scores)[] = [];
  const keras: (Side & Scores)[] = [];
  let extraction = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    const name = `${data.images.length}-${inputSize}-${turn}`;
    const request = { ...common, baseWeights, scratch: join(scratch, name) };
    const path = await writeRequest(join(scratch, `${name}.json`), request);
    const mine = await ask(ourAnswer, process.execPath, [join(import.meta.dirname, 'train-run.ts'), path]);
    ours.push(sideOf(mine, data));
    extraction = Math.max(extraction, mine.answer.extraction);
    keras.push(sideOf(await ask(scored, python, [join(import.meta.dirname, 'keras_script.py'), path]), data));
  }
  return {
    inputSize,
    epochs,
    images: data.images.length,
    parts: data.parts,
    ours: ours.map(withoutScores),
    keras: keras.map(withoutScores),
    difference: differenceOf(data, ours[0]?.scores ?? {}, keras[0]?.scores ?? {}),
    extraction,
  };
}

type Scores = { readonly scores: Readonly<Record<string, number>> };

function sideOf(
  { answer, seconds }: { readonly answer: z.infer<typeof scored>; readonly seconds: number },
  data: BenchData,
): Side & Scores {
  const { scores, peakMiB } = answer;
  const { listed, positive } = columnsOf(data, scores);
  return { seconds, peakMiB, scores, auc: aucRoc(listed, positive) };
}

/** The scores of the same images, in the same order. */
function columnsOf({ images }: BenchData, scores: Readonly<Record<string, number>>) {
  const tested = images.filter(({ file }) => scores[file] !== undefined);
  return {
    listed: tested.map(({ file }) => scores[file] ?? Number.NaN),
    positive: tested.map(({ label }) => label === POSITIVE),
    groups: tested.map(({ patient }) => patient),
  };
}

function differenceOf(
  data: BenchData,
  ours: Scores['scores'],
  keras: Scores['scores'],
): TrainingRow['difference'] {
  const same = Object.keys(ours).toSorted().join() === Object.keys(keras).toSorted().join();
  if (!same) throw new Error('the two sides were tested on different images');
  const { listed, positive, groups } = columnsOf(data, ours);
  const other = columnsOf(data, keras).listed;
  const found = compareAuc({ scores: listed, positive, groups }, other, { seed: 1, method: 'percentile' });
  if ('notDefined' in found) throw new Error(found.notDefined);
  const value = found.difference;
  if ('notDefined' in found.bootstrap) return { value };
  const { low, high } = found.bootstrap;
  return { value, interval: { low, high } };
}

function withoutScores({ seconds, peakMiB, auc }: Side): Side {
  return { seconds, peakMiB, auc };
}
