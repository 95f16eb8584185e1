/** The same run by the real Keras, step by step. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { run, tensorflowVenv, type Venv } from '@hilum/hack';
import { loadEngine } from '@hilum/model';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { aTail, CLASSES, FEATURES, RECIPE, smallFit, STEPS, TRAIN } from '../../test/small-fit.ts';
import type { FitRecipe } from '../recipe.ts';
import { fit } from './fit.ts';
import { learningRateAt } from './learning-rate.ts';

const INSTALL_MS = 1_200_000;
const answerSchema = z.object({ losses: z.array(z.number()), weights: z.array(z.array(z.number())) });
const L2 = 0.01;

describe.skipIf(noPython())('beside the real Keras (needs Python 3.10 or 3.11, for TensorFlow 2.15)', () => {
  let venv: Venv;
  beforeAll(async () => {
    venv = await tensorflowVenv();
  }, INSTALL_MS);

  it.each(['adam', 'sgd'] as const)(
    'a run with %s, warm-up, cosine, L2 and class weights has the same losses and weights',
    async (optimizer) => {
      const recipe = { ...RECIPE, optimizer, schedule: 'cosine', warmupEpochs: 1 } as const;
      const { asked, losses, weights } = await trained(recipe);
      const answer = await run(venv.python, [join(import.meta.dirname, '../../test/keras_parity.py')], {
        input: JSON.stringify(asked),
        env: { TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '-1' },
        timeoutMs: 120_000,
      });
      const keras = answerSchema.parse(JSON.parse(answer.stdout));
      expect(losses).toHaveLength(RECIPE.epochs * STEPS);
      // Seen: 2e-7 and 3e-8, the rounding of float32. With epsilon where tfjs' Adam has it: 3e-5.
      expect(furthest(losses, keras.losses)).toBeLessThan(1e-6);
      expect(furthest(weights.flat(), keras.weights.flat())).toBeLessThan(1e-6);
    },
    180_000,
  );
});

/** Trains here, and says what Keras needs to do the same. */
async function trained(recipe: FitRecipe) {
  const tf = await loadEngine();
  const tail = await aTail({ dropout: 0 });
  const weightsNow = () => tail.trainableWeights.map((weight) => Array.from(weight.read().dataSync()));
  const batches: { readonly x: number[]; readonly classes: number[]; readonly rate: number }[] = [];
  const losses: number[] = [];
  let weights: readonly number[][] = weightsNow();
  const positives = TRAIN.filter((index) => CLASSES[index] === 1).length;
  const asked = {
    optimizer: recipe.optimizer,
    l2: L2,
    floats: 64,
    units: 8,
    classWeights: {
      0: TRAIN.length / (2 * (TRAIN.length - positives)),
      1: TRAIN.length / (2 * positives),
    },
    weights,
    batches,
  };
  const inTraining = new Set(TRAIN);
  await fit(
    await smallFit(tail, {
      tf,
      recipe,
      l2: L2,
      features: {
        rows: (indices, copy) => {
          const rows = FEATURES.rows(indices, copy);
          if (inTraining.has(indices[0] ?? -1)) {
            const rate = learningRateAt({ recipe, step: batches.length, stepsPerEpoch: STEPS, halvings: 0 });
            const classes = Array.from(indices, (index) => CLASSES[index] ?? 0);
            batches.push({ x: Array.from(rows), classes, rate });
          }
          return rows;
        },
      },
      onStep: ({ loss }) => {
        losses.push(loss);
        weights = weightsNow();
      },
    }),
  );
  tail.dispose();
  return { asked, losses, weights };
}

function furthest(one: readonly number[], other: readonly number[]): number {
  expect(one).toHaveLength(other.length);
  return Math.max(...one.map((value, at) => Math.abs(value - (other[at] ?? Number.NaN))));
}

function noPython(): boolean {
  try {
    const version = execFileSync(process.env['HILUM_PYTHON'] ?? 'python3', ['--version']).toString();
    return !/^Python 3\.1[01]\./.test(version);
  } catch {
    return true;
  }
}
