/** The training loop on a small real tail. */
import { loadEngine, type Tf } from '@hilum/model';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  aTail,
  CLASSES,
  curveOf,
  FEATURES,
  fitSmall,
  RECIPE,
  smallFit,
  STEPS,
  TRAIN,
  VALIDATION,
} from '../../test/small-fit.ts';
import { predictRows } from './batch.ts';
import type { Epoch } from './epoch.ts';
import { fit, type FitOptions, type Step } from './fit.ts';

let tf: Tf;
beforeAll(async () => {
  tf = await loadEngine();
});

describe('training', () => {
  it('learns, and keeps the weights of the best epoch', async () => {
    const tail = await aTail({ dropout: 0 });
    const { best, epochs, ended } = await fit(await smallFit(tail, { recipe: { ...RECIPE, epochs: 12 } }));
    expect(ended).toBe('epochs');
    expect(epochs.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
    expect(epochs.at(-1)?.loss).toBeLessThan(0.8 * (epochs[0]?.loss ?? 0));
    expect(best.epoch).toBeLessThan(12); // or this would not show that the last weights were left
    expect(await validationLoss(tail)).toBeCloseTo(best.valLoss, 10);
    tail.dispose();
  });

  it('keeps the weights of the last epoch where the recipe says so, and then validation decides nothing', async () => {
    const recipe = { ...RECIPE, epochs: 6, keepEpoch: 'last' } as const;
    const first = await fitSmall({ recipe });
    expect(first.fitted.best.epoch).toBe(6);
    const other = await fitSmall({ recipe, validation: [...VALIDATION, ...TRAIN] });
    expect(other.weights).toBe(first.weights);
  });

  it('gives the same weights and figures from the same seed, others from another, batch size or optimiser', async () => {
    const [first, again] = [await fitSmall(), await fitSmall()];
    expect(again).toEqual(first);
    const others = [{ seed: 8 }, { batchSize: 6 }, { optimizer: 'sgd' }, { classWeights: 'none' }] as const;
    for (const change of others) {
      const other = await fitSmall({ recipe: { ...RECIPE, ...change } });
      expect(other.weights).not.toBe(first.weights);
      expect(curveOf(other.fitted.epochs)).not.toEqual(curveOf(first.fitted.epochs));
    }
  });

  it('does not depend on when a batch is computed: another order of the same images is another run', async () => {
    const first = await fitSmall();
    const turned = await fitSmall({ train: TRAIN.toReversed() });
    expect(turned.weights).not.toBe(first.weights);
  });

  it('trains epoch e on copy (e - 1) mod (copies + 1) and measures on the images themselves', async () => {
    const seen: string[] = [];
    const rows: FitOptions['features']['rows'] = (indices, copy) => {
      const part = TRAIN.includes(indices[0] ?? -1) ? 'train' : 'validation';
      if (seen.at(-1) !== `${part} ${copy}`) seen.push(`${part} ${copy}`);
      return FEATURES.rows(indices, copy);
    };
    await fitSmall({ features: { rows }, copies: 2 });
    const copies = [0, 1, 2, 0].flatMap((copy) => [`train ${copy}`, 'validation 0']);
    expect(seen).toEqual(copies);
  });

  it('meets every training image once an epoch, in another order each time', async () => {
    const met: number[] = [];
    const rows: FitOptions['features']['rows'] = (indices, copy) => {
      met.push(...Array.from(indices).filter((index) => TRAIN.includes(index)));
      return FEATURES.rows(indices, copy);
    };
    await fitSmall({ features: { rows } });
    const orders = Array.from({ length: RECIPE.epochs }, (_, at) =>
      met.slice(at * TRAIN.length, (at + 1) * TRAIN.length),
    );
    for (const order of orders) expect(order.toSorted((a, b) => a - b)).toEqual(TRAIN);
    expect(new Set(orders.map((order) => order.join())).size).toBe(RECIPE.epochs);
  });

  it('drops other units at every step', async () => {
    const tail = await aTail();
    tf.tidy(() => outputOf(tail).setWeights([tf.randomNormal([8, 2], 0, 1, 'float32', 7), tf.zeros([2])]));
    const losses: number[] = [];
    // Images that are all alike, at each step all of them, and next to nothing learned: only the mask changes the loss.
    const train = TRAIN.filter((index) => CLASSES[index] === 0);
    const recipe = { ...RECIPE, batchSize: train.length, learningRate: 1e-12 };
    const onStep = ({ loss }: Step): number => losses.push(loss);
    await fit(await smallFit(tail, { train, recipe, features: rowsOf(1), onStep }));
    expect(new Set(losses.map((loss) => loss.toFixed(3))).size).toBe(RECIPE.epochs);
    tail.dispose();
  });

  it('steps as far as the schedule says, and tells of it', async () => {
    const { fitted } = await fitSmall({ recipe: { ...RECIPE, schedule: 'cosine', warmupEpochs: 1 } });
    const [first, , third, last] = fitted.epochs.map(({ learningRate }) => learningRate);
    expect(first).toBe(RECIPE.learningRate);
    expect(third).toBeLessThan(0.6 * RECIPE.learningRate);
    expect(last).toBeLessThan(0.02 * RECIPE.learningRate);
  });

  it('with L2 ends at smaller kernels', async () => {
    expect(await kernelNorm(1)).toBeLessThan(0.3 * (await kernelNorm(0)));
  });

  it('weighs classes equally, or images equally', async () => {
    // One image in three is of class 1.
    expect(await shareOfOne('balanced')).toBeCloseTo(0.5, 1);
    expect(await shareOfOne('none')).toBeLessThan(0.42);
  });

  it('ends when the patience is over', async () => {
    // Nothing is learned from features that say nothing: the first epoch stays the best by AUC and loss.
    const { fitted } = await fitSmall({
      recipe: { ...RECIPE, epochs: 50, patience: 3, learningRate: 1e-12 },
    });
    expect(fitted.ended).toBe('patience');
    expect(fitted.epochs).toHaveLength(fitted.best.epoch + 3);
  });

  it('ends after the epoch at which it is asked to', async () => {
    const { fitted } = await fitSmall({ onEpoch: ({ epoch }) => (epoch === 2 ? 'stop' : 'go-on') });
    expect([fitted.ended, fitted.epochs.length]).toEqual(['asked', 2]);
  });

  it('tells of every step with its loss, whose mean is that of the epoch', async () => {
    const steps: Step[] = [];
    const { fitted } = await fitSmall({ onStep: (step) => steps.push(step) });
    expect(steps.map(({ epoch, step }) => [epoch, step])).toEqual(
      Array.from({ length: RECIPE.epochs * STEPS }, (_, at) => [
        Math.floor(at / STEPS) + 1,
        (at % STEPS) + 1,
      ]),
    );
    const images = [5, 5, 5, 5, 4];
    const sum = images.reduce((total, count, at) => total + count * (steps[at]?.loss ?? 0), 0);
    expect(sum / TRAIN.length).toBeCloseTo(fitted.epochs[0]?.loss ?? 0, 12);
  });

  it('keeps as many tensors after its last epoch as after its second, and none but the tail’s at its end', async () => {
    const tail = await aTail();
    const before = tf.memory().numTensors;
    const counts: number[] = [];
    const recipe = { ...RECIPE, epochs: 8 };
    await fit(await smallFit(tail, { recipe, onEpoch: () => void counts.push(tf.memory().numTensors) }));
    expect(new Set(counts.slice(1)).size).toBe(1);
    expect(tf.memory().numTensors).toBe(before);
    tail.dispose();
  });

  it('leaves no tensor behind where it is stopped or fails', async () => {
    const tail = await aTail();
    const before = tf.memory().numTensors;
    const thrown = new Error('MLflow is away');
    await expect(
      fit(
        await smallFit(tail, {
          onEpoch: () => {
            throw thrown;
          },
        }),
      ),
    ).rejects.toBe(thrown);
    expect(tf.memory().numTensors).toBe(before);
    tail.dispose();
  });

  it('changes what is trainable in the tail and nothing else', async () => {
    const tail = await aTail();
    const hidden = tail.layers.find(({ name }) => name === 'head');
    if (hidden === undefined) throw new Error('the tail has no hidden layer');
    hidden.trainable = false;
    const before = hidden.getWeights().map((weight) => Array.from(weight.dataSync()));
    await fit(await smallFit(tail, { l2: 0.1 }));
    expect(hidden.getWeights().map((weight) => Array.from(weight.dataSync()))).toEqual(before);
    tail.dispose();
  });
});

describe('a run that cannot go well', () => {
  it.each([
    ['a step size beyond float32', { features: rowsOf(1e20), recipe: { ...RECIPE, learningRate: 1e20 } }],
    ['features that are no numbers', { features: rowsOf(Number.NaN) }],
  ] as const)('ends by %s with a code, the epoch and what to do', async (_, changes) => {
    await expect(fitSmall(changes)).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      message: expect.stringMatching(/in epoch 1, step [12], with a learning rate of .*; lower it/) as string,
    });
  });

  it.each([
    ['no image of the positive class', VALIDATION.filter((index) => CLASSES[index] === 0), TRAIN],
    ['no image of another class', VALIDATION.filter((index) => CLASSES[index] === 1), TRAIN],
    ['images, but training none', VALIDATION, []],
  ] as const)('does not start where validation has %s', async (_, validation, train) => {
    await expect(fitSmall({ validation, train })).rejects.toMatchObject({ code: 'TOO_FEW_PATIENTS' });
  });

  it('ends at the next step when the signal comes', async () => {
    const stop = new AbortController();
    const steps: Step[] = [];
    const onStep = (step: Step): void => {
      steps.push(step);
      if (steps.length === 7) stop.abort(new Error('told to end'));
    };
    await expect(fitSmall({ signal: stop.signal, onStep })).rejects.toThrow('told to end');
    expect(steps).toHaveLength(7);
  });
});

describe('an image whose class has a probability that float32 rounds to 0', () => {
  it('is still learned from', async () => {
    const tail = await aTail({ dropout: 0 });
    // Certain and wrong: float32 has no e^-200.
    tf.tidy(() => outputOf(tail).setWeights([tf.zeros([8, 2]), tf.tensor1d([0, 200])]));
    const losses: Epoch[] = [];
    await fit(
      await smallFit(tail, {
        recipe: { ...RECIPE, learningRate: 5, classWeights: 'none' },
        features: rowsOf(0),
        onEpoch: (epoch) => void losses.push(epoch),
      }),
    );
    expect(losses[0]?.loss).toBeGreaterThan(90);
    expect(losses.at(-1)?.loss).toBeLessThan(0.75 * (losses[0]?.loss ?? 0));
    tail.dispose();
  });
});

/** The last layer that has weights. */
function outputOf(tail: FitOptions['tail']): FitOptions['tail']['layers'][number] {
  const layer = tail.layers.findLast(({ weights }) => weights.length > 0);
  if (layer === undefined) throw new Error('the tail has no weights');
  return layer;
}

/** The same number in every feature of every image. */
function rowsOf(value: number): FitOptions['features'] {
  return { rows: (indices) => new Float32Array(indices.length * 64).fill(value) };
}

/** Sum of the squared kernels after training by plain descent. */
async function kernelNorm(l2: number): Promise<number> {
  const tail = await aTail();
  await fit(await smallFit(tail, { l2, recipe: { ...RECIPE, epochs: 12, optimizer: 'sgd' } }));
  const kernels = tail.trainableWeights.filter(({ originalName }) => originalName.endsWith('kernel'));
  const norm = kernels.reduce((sum, weight) => sum + squares(weight.read().dataSync()), 0);
  tail.dispose();
  return norm;
}

/** The probability of class 1 after training on features that say nothing: how common it is taken to be. */
async function shareOfOne(classWeights: 'balanced' | 'none'): Promise<number> {
  const tail = await aTail({ dropout: 0 });
  const recipe = { ...RECIPE, classWeights, optimizer: 'sgd', learningRate: 0.02, epochs: 8 } as const;
  await fit(await smallFit(tail, { recipe, features: rowsOf(0) }));
  const [row] = await predictRows({ tf, tail, features: FEATURES, batchSize: 1 }, [0]);
  tail.dispose();
  return row?.[1] ?? Number.NaN;
}

function squares(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value * value, 0);
}

async function validationLoss(tail: FitOptions['tail']): Promise<number> {
  const rows = await predictRows({ tf, tail, features: FEATURES, batchSize: 5 }, VALIDATION);
  const losses = rows.map((row, at) => -Math.log(row[CLASSES[VALIDATION[at] ?? 0] ?? 0] ?? 0));
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
