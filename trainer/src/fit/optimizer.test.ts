/** The updates beside the formulas of Keras' own page, in plain numbers; keras-parity.test.ts asks Keras itself. */
import { loadEngine, type Tf } from '@hilum/model';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeOptimizer } from './optimizer.ts';

let tf: Tf;
beforeAll(async () => {
  tf = await loadEngine();
});

/** Gradients from large to those where epsilon decides. */
const GRADIENTS = [3, 1e-3, -2e-6, 1e-7, 0];
const STEPS = 12;
const rateOf = (step: number): number => 0.01 / step;
const gradientOf = (scale: number, step: number): number => scale * Math.cos(step);

/** Where each weight is after all steps. */
function ours(kind: 'adam' | 'sgd'): readonly number[] {
  const variable = tf.tidy(() => tf.variable(tf.zeros([GRADIENTS.length])));
  const optimizer = makeOptimizer(tf, kind, [variable]);
  for (let step = 1; step <= STEPS; step += 1) {
    tf.tidy(() => {
      const gradient = tf.tensor1d(GRADIENTS.map((scale) => gradientOf(scale, step)));
      optimizer.apply([gradient], rateOf(step), step);
    });
  }
  const values = Array.from(variable.dataSync());
  optimizer.dispose();
  variable.dispose();
  return values;
}

function adamOf(scale: number): number {
  let [w, m, v] = [0, 0, 0];
  for (let step = 1; step <= STEPS; step += 1) {
    const g = gradientOf(scale, step);
    m += (g - m) * (1 - 0.9);
    v += (g * g - v) * (1 - 0.999);
    const alpha = (rateOf(step) * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step);
    w -= (m * alpha) / (Math.sqrt(v) + 1e-7);
  }
  return w;
}

function momentumOf(scale: number): number {
  let [w, m] = [0, 0];
  for (let step = 1; step <= STEPS; step += 1) {
    m = 0.9 * m - gradientOf(scale, step) * rateOf(step);
    w += m;
  }
  return w;
}

describe.each([
  ['adam', adamOf],
  ['sgd', momentumOf],
] as const)('%s', (kind, reference) => {
  it('moves every weight as Keras’ formula says, while the step size changes', () => {
    for (const [at, value] of ours(kind).entries()) {
      const want = reference(GRADIENTS[at] ?? 0);
      // Keras' bias correction is rounded to float32, as ours: 13 parts in a million at the first step.
      expect(Math.abs(value - want)).toBeLessThanOrEqual(2e-5 * Math.abs(want));
    }
  });

  it('leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    ours(kind);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('what tfjs has', () => {
  it('is another Adam for gradients near epsilon, and another momentum when the step size changes', () => {
    const theirs = (optimizer: { applyGradients: (gradients: never) => void; learningRate: number }) => {
      const variable = tf.variable(tf.zeros([GRADIENTS.length]));
      for (let step = 1; step <= STEPS; step += 1) {
        optimizer.learningRate = rateOf(step);
        const tensor = tf.tensor1d(GRADIENTS.map((scale) => gradientOf(scale, step)));
        optimizer.applyGradients([{ name: variable.name, tensor }] as never);
      }
      return Array.from(variable.dataSync());
    };
    const adam = theirs(tf.train.adam(1) as never);
    expect(Math.abs((adam[3] ?? 0) / adamOf(1e-7) - 1)).toBeGreaterThan(0.5);
    const momentum = theirs(tf.train.momentum(1, 0.9) as never);
    expect(Math.abs((momentum[0] ?? 0) / momentumOf(3) - 1)).toBeGreaterThan(0.1);
  });
});
