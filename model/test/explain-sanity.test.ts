/** Whether a map shows what the model has learned: a thing put somewhere, and a head that was trained to see it. */
import { baseWeightsPath } from '@hilum/hack';
import type * as tfjs from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activations } from '../src/explain/activations.ts';
import { buildFrozen, gradCam, loadEngine, readBaseWeights, type Head, type Tf } from '../src/index.ts';
import { textures } from './fixture.ts';

const SIZE = 128;
const LAYER = 'block5_conv3';
const [CHANNELS, SIDE] = [512, 8];
const PLACES = SIDE * SIDE;
const [TRAINED, TESTED] = [32, 12];

let tf: Tf;
let frozen: tfjs.LayersModel;
let learned: Head;
let scenes: readonly Scene[];

interface Scene {
  readonly activations: Activations;
  /** Cell of the map in which the thing lies. */
  readonly row: number;
  readonly column: number;
}

beforeAll(async () => {
  tf = await loadEngine();
  const weights = await readBaseWeights(await baseWeightsPath());
  frozen = buildFrozen(tf, weights, { inputSize: SIZE, cut: 'head', taps: [LAYER] });
  const [without, withThing] = [pictures(TRAINED, 1), pictures(TRAINED, 1, true)];
  learned = trained([...without, ...withThing].map(({ image }) => activationsOf(image)));
  scenes = pictures(TESTED, 9, true).map(({ image, row, column }) => ({
    activations: activationsOf(image),
    row,
    column,
  }));
});

afterAll(() => frozen.dispose());

describe('a head that was trained to see a thing', () => {
  it('sees it in pictures that it was not trained on', () => {
    const seen = scenes.filter(
      ({ activations }) => (gradCam(learned, activations, 1).probabilities[1] ?? 0) > 0.5,
    );
    expect(seen.length).toBeGreaterThan(0.9 * TESTED);
  });

  it('has its hottest place there', () => {
    expect(found(learned)).toBeGreaterThan(0.8 * TESTED);
  });

  it('has not, for the other label', () => {
    expect(found(learned, 0)).toBeLessThan(0.3 * TESTED);
  });

  it('draws another map once its weights are shuffled (Adebayo et al., 2018, model randomisation)', () => {
    const correlations = [1, 2, 3, 4].flatMap((seed) => {
      const other = shuffled(learned, seed);
      return scenes.map(({ activations }) =>
        rankCorrelation(
          gradCam(learned, activations, 1).heat.values,
          gradCam(other, activations, 1).heat.values,
        ),
      );
    });
    const mean = correlations.reduce((sum, value) => sum + value, 0) / correlations.length;
    // A method that draws the edges of the picture, whatever the model, stays near 1.
    expect(Math.abs(mean)).toBeLessThan(0.3);
  });
});

/** In how many scenes the hottest cell is that of the thing, or beside it: half of the thing may lie there. */
function found(head: Head, label = 1): number {
  return scenes.filter(({ activations, row, column }) => {
    const { heat, empty } = gradCam(head, activations, label);
    const hottest = heat.values.indexOf(1);
    const [down, across] = [Math.floor(hottest / SIDE) - row, (hottest % SIDE) - column];
    return !empty && Math.abs(down) <= 1 && Math.abs(across) <= 1;
  }).length;
}

/** Textures, on which a bright ring is drawn somewhere. */
function pictures(
  count: number,
  seed: number,
  thing = false,
): { image: Float32Array; row: number; column: number }[] {
  const all = textures(tf, count, SIZE, seed * 1000);
  return Array.from({ length: count }, (_, at) => {
    const image = all.slice(at * SIZE * SIZE * 3, (at + 1) * SIZE * SIZE * 3);
    // Places that repeat only after all were had.
    const [row, column] = [1 + ((at * 5 + seed) % 6), 1 + ((at * 7 + 2 * seed) % 6)];
    if (thing) drawRing(image, (row + 0.5) * (SIZE / SIDE), (column + 0.5) * (SIZE / SIDE));
    return { image, row, column };
  });
}

function drawRing(image: Float32Array, row: number, column: number): void {
  for (let y = 0; y < SIZE; y += 1) {
    for (let x = 0; x < SIZE; x += 1) {
      const distance = Math.hypot(y - row, x - column);
      if (distance > 5 && distance < 10) image.fill(140, (y * SIZE + x) * 3, (y * SIZE + x) * 3 + 3);
    }
  }
}

function activationsOf(image: Float32Array): Activations {
  tf.engine().startScope();
  try {
    const map = tf.model({ inputs: frozen.inputs, outputs: frozen.getLayer(LAYER).output });
    const maps = map.predict(tf.tensor4d(image, [1, SIZE, SIZE, 3])) as tfjs.Tensor4D;
    return {
      features: tf.mean(maps, [1, 2]).dataSync<'float32'>().slice(),
      maps: tf.transpose(maps, [0, 3, 1, 2]).dataSync<'float32'>().slice(),
      channels: CHANNELS,
      side: SIDE,
      views: 1,
    };
  } finally {
    tf.engine().endScope();
  }
}

/** By plain gradient descent on the cross-entropy of a linear head, labels 0 for the first half and 1 for the others. */
function trained(examples: readonly Activations[]): Head {
  const scale = 1 / Math.max(...examples.flatMap(({ features }) => Math.max(...features)));
  const kernel = new Float32Array(CHANNELS * 2);
  const bias = new Float32Array(2);
  for (let step = 0; step < 400; step += 1) {
    for (const [at, { features }] of examples.entries()) {
      const logits = [0, 1].map((label) =>
        features.reduce(
          (sum, value, k) => sum + value * scale * (kernel[k * 2 + label] ?? 0),
          bias[label] ?? 0,
        ),
      );
      const probability = 1 / (1 + Math.exp((logits[0] ?? 0) - (logits[1] ?? 0)));
      const miss = probability - (at < examples.length / 2 ? 0 : 1);
      for (const [label, sign] of [-1, 1].entries()) {
        bias[label] = (bias[label] ?? 0) - 0.05 * sign * miss;
        for (const [k, value] of features.entries()) {
          kernel[k * 2 + label] = (kernel[k * 2 + label] ?? 0) - 0.05 * sign * miss * value * scale;
        }
      }
    }
  }
  return {
    layer: LAYER,
    notShown: [],
    parts: [{ kind: 'average', layer: LAYER, length: CHANNELS, name: `${LAYER}_avg` }],
    inputSize: SIZE,
    channels: CHANNELS,
    side: SIDE,
    stride: SIZE / SIDE,
    views: 1,
    dense: [{ inputs: CHANNELS, outputs: 2, kernel: kernel.map((value) => value * scale), bias }],
  };
}

/** The same weights, each at another place. */
function shuffled(head: Head, seed: number): Head {
  return {
    ...head,
    dense: head.dense.map((layer) => {
      const order = tf.tidy(() => tf.randomUniform([layer.kernel.length], 0, 1, 'float32', seed).dataSync());
      const places = [...order.keys()].toSorted((a, b) => (order[a] ?? 0) - (order[b] ?? 0));
      return { ...layer, kernel: Float32Array.from(places, (place) => layer.kernel[place] ?? 0) };
    }),
  };
}

/** Spearman's; of maps of which one says nothing, 0. */
function rankCorrelation(a: Float32Array, b: Float32Array): number {
  const [left, right] = [ranks(a), ranks(b)];
  const spread = Math.sqrt(product(left, left) * product(right, right));
  return spread === 0 ? 0 : product(left, right) / spread;
}

/** From the middle one. */
function ranks(values: Float32Array): number[] {
  const sorted = [...values].toSorted((x, y) => x - y);
  return [...values].map(
    (value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 - (PLACES - 1) / 2,
  );
}

function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
}
