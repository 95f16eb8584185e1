/** The frozen layers alone, ours beside Keras': the same features first, then images a second. */
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { baseWeightsPath, tensorflowVenv } from '@hilum/hack';
import { z } from 'zod';
import { ask } from './child.ts';
import { writeRequest, type BenchData } from './data.ts';

export type FeatureRow = {
  readonly inputSize: number;
  readonly batch: number;
  readonly images: number;
  /** Images a second, of every round of every turn. */
  readonly ours: readonly number[];
  readonly keras: readonly number[];
  /** Of the same inputs. */
  readonly maxDifference: number;
  /** Of features, to judge the difference by. */
  readonly maxFeature: number;
  /** Between our reading of the image files and Pillow's, in grey levels of the network's input. */
  readonly maxInputDifference: number;
};

/** Both compute in float32, in another order of sums: of features up to hundreds a few last bits may differ. */
export const RELATIVE_TOLERANCE = 1e-5;

const OUR_SCRIPT = join(import.meta.dirname, 'features-run.ts');
const KERAS_SCRIPT = join(import.meta.dirname, 'keras_features.py');

const answer = z.object({ rates: z.array(z.number()) });

type Job = {
  readonly data: BenchData;
  readonly inputSize: number;
  readonly batch: number;
  readonly images: number;
  readonly turns: number;
  readonly rounds: number;
  readonly scratch: string;
};

/** Our side writes the inputs; Keras takes these very numbers. */
export async function benchFeatures({ data, scratch, turns, ...job }: Job): Promise<FeatureRow> {
  const { python } = await tensorflowVenv();
  const { inputSize, batch, rounds } = job;
  const files = data.images.slice(0, job.images).map(({ file }) => file);
  const file = (name: string) => join(scratch, `features-${inputSize}-${name}`);
  const request = await writeRequest(file('request.json'), {
    inputSize,
    batch,
    rounds,
    files,
    dataDir: data.dir,
    baseWeights: await baseWeightsPath(),
    inputs: file('inputs.f32'),
    pillowInputs: file('pillow.f32'),
    ours: file('ours.f32'),
    keras: file('keras.f32'),
  });
  const ours: number[] = [];
  const keras: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    ours.push(...(await ask(answer, process.execPath, [OUR_SCRIPT, request])).answer.rates);
    keras.push(...(await ask(answer, python, [KERAS_SCRIPT, request])).answer.rates);
  }
  const [mine, theirs] = [await floats(file('ours.f32')), await floats(file('keras.f32'))];
  return {
    inputSize,
    batch,
    images: files.length,
    ours,
    keras,
    maxDifference: maxDifference(mine, theirs),
    maxFeature: mine.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    maxInputDifference: maxDifference(await floats(file('inputs.f32')), await floats(file('pillow.f32'))),
  };
}

async function floats(path: string): Promise<Float32Array> {
  return new Float32Array(new Uint8Array(await readFile(path)).buffer);
}

function maxDifference(one: Float32Array, other: Float32Array): number {
  if (one.length !== other.length) return Infinity;
  return one.reduce((most, value, at) => Math.max(most, Math.abs(value - (other[at] ?? Number.NaN))), 0);
}
