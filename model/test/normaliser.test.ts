import { baseWeightsPath } from '@hilum/hack';
import type * as tfjs from '@tensorflow/tfjs-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { deviate } from '../src/deviate.ts';
import { buildTail, fitNormaliser, loadEngine, readBaseWeights, type Tf } from '../src/index.ts';
import { normaliseRows, slopesAt } from '../src/normaliser.ts';
import type { FeatureGroup } from '../src/taps.ts';
import { largestDifference } from './fixture.ts';
import { python } from './python.ts';

/** Features of all kinds that VGG16 has, each as a function of two random numbers, evenly and normally spread. */
const KINDS: readonly ((even: number, normal: number) => number)[] = [
  (_, normal) => normal,
  (even) => 300 * even ** 8, // a long tail
  (even, normal) => (even < 0.4 ? 0 : Math.exp(normal)), // often silent
  (even) => (even < 0.997 ? 0 : 5), // nearly always silent
  (even) => (even < 0.5 ? 1 : 2), // two values
  () => 17, // constant
  (_, normal) => 1000 + 5 * normal, // far from 0
];
const GROUPS = [
  { length: 4, share: 0.25, alike: true },
  { length: 3, share: 0.75, alike: true },
];
const FITTED = 300;

let tf: Tf;
let rows: Float32Array;

beforeAll(async () => {
  tf = await loadEngine();
  const n = FITTED + 200;
  rows = tf.tidy(() => {
    const even = tf.randomUniform([n * KINDS.length], 0, 1, 'float32', 1).dataSync<'float32'>();
    const normal = tf.randomNormal([n * KINDS.length], 0, 1, 'float32', 2).dataSync<'float32'>();
    return Float32Array.from({ length: n * KINDS.length }, (_, at) =>
      (KINDS[at % KINDS.length] ?? Number)(even[at] ?? 0, normal[at] ?? 0),
    );
  });
});

const train = (): Float32Array => rows.slice(0, FITTED * KINDS.length);

describe.each([101, 21])('with %i quantiles', (quantiles) => {
  it('is what numpy and scipy make of the same rows, those not fitted on too', async () => {
    const shape = [rows.length / KINDS.length, KINDS.length];
    const { results } = await python(
      'normaliser_reference.py',
      { shape, values: rows },
      ['straight', 'ranked'],
      [`${FITTED}`, GROUPS.map(({ length, share }) => `${length}:${share}`).join(','), `${quantiles}`],
    );
    const [straight = new Float32Array(), ranked = new Float32Array()] = results;
    const ours = normaliseRows(fitNormaliser(train(), GROUPS, quantiles), rows);
    expect(largestDifference(ours, straight)).toBeLessThan(3e-6); // of values to 6
    // And nearly what is straight in the rank: between quantiles alone is another value.
    expect(meanDifference(ours, ranked)).toBeLessThan(0.05);
    expect(meanDifference(rows, ranked)).toBeGreaterThan(1);
  });
});

it('has slopes that do not hang on a rounding of the value', () => {
  const normaliser = fitNormaliser(train(), GROUPS);
  const width = KINDS.length;
  const largest = Array.from({ length: width }, (_, feature) =>
    rows.reduce((most, value, at) => (at % width === feature ? Math.max(most, Math.abs(value)) : most), 0),
  );
  let most = 0;
  for (let start = 0; start < rows.length; start += width) {
    const row = rows.slice(start, start + width);
    const moved = row.map((value, feature) => value + 1e-5 * (largest[feature] ?? 0));
    const [here, beside] = [slopesAt(normaliser, row), slopesAt(normaliser, moved)];
    for (const [feature, slope] of here.entries()) {
      const other = beside[feature] ?? Number.NaN;
      const larger = Math.max(slope, other);
      if (larger > 0) most = Math.max(most, Math.abs(slope - other) / larger);
    }
  }
  expect(most).toBeLessThan(0.2);
});

it('gives every group its share of the variance, however many features it has, and a feature 1 on average', () => {
  const groups = [
    { length: 1, share: 1 / 4, alike: true },
    { length: 1, share: 1 / 4, alike: true },
    { length: 4, share: 1 / 2, alike: true },
  ];
  const normal = tf.tidy(() =>
    tf
      .randomNormal([200 * 6], 3, 50, 'float32', 5)
      .dataSync<'float32'>()
      .slice(),
  );
  const values = normaliseRows(fitNormaliser(normal, groups), normal);
  const variances = Array.from({ length: 6 }, (_, feature) => {
    const column = values.filter((_value, at) => at % 6 === feature);
    const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
    return column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length;
  });
  for (const [at, want] of [6 / 4, 6 / 4, 3 / 4, 3 / 4, 3 / 4, 3 / 4].entries()) {
    expect(Math.abs((variances[at] ?? 0) / want - 1)).toBeLessThan(0.01);
  }
});

it('is flat outside of the rows that it was fitted on, and 0 for a feature that never changed', () => {
  const normaliser = fitNormaliser(Float32Array.of(1, 8, 2, 8, 3, 8), alone(2));
  const at = (feature: number): number =>
    normaliseRows(normaliser, Float32Array.of(feature, feature))[0] ?? 0;
  expect([at(-9), at(99)]).toEqual([at(1), at(3)]);
  expect(at(1)).toBeLessThan(at(2));
  expect(at(2)).toBeCloseTo(0, 6);
  expect(normaliseRows(normaliser, Float32Array.of(2, 1e9))[1]).toBe(0);
});

it('takes for a tie what is all rounding beside the other features of its group, if they are alike', () => {
  const beside = Float32Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? at : 1e-4 * ((at >> 1) % 5)));
  const second = (groups: readonly FeatureGroup[]): Set<number> =>
    new Set(normaliseRows(fitNormaliser(beside, groups), beside).filter((_, at) => at % 2 === 1));
  expect(second(alone(2))).toEqual(new Set([0]));
  expect(second([...alone(1), ...alone(1)]).size).toBe(5);
  expect(second([{ length: 2, share: 1, alike: false }]).size).toBe(5);
});

it('stays finite whatever the features are', () => {
  const extreme = Float32Array.of(0, 1e-45, 1e-38, 1e-30, 1e-29, 1, 1 + 2 ** -23, 3e38, -3e38, 0);
  const values = normaliseRows(fitNormaliser(extreme, alone(1)), extreme);
  expect([...values].every((value) => Number.isFinite(value))).toBe(true);
  expect(values[7]).toBeGreaterThan(values[5] ?? 0);
});

it('in a tail it gives the same values, and is not trained', async () => {
  const weights = await readBaseWeights(await baseWeightsPath());
  const features = tf.tidy(() =>
    tf
      .randomNormal([40 * 64], 5, 9, 'float32', 3)
      .dataSync<'float32'>()
      .slice(),
  );
  const normaliser = fitNormaliser(features, alone(64));
  const tail = buildTail(tf, weights, {
    inputSize: 32,
    cut: 'head',
    taps: ['block1_conv1'],
    classes: 2,
    headUnits: 0,
    dropout: 0,
    seed: 1,
    normaliser,
  });
  const output = tail.getLayer('normaliser').apply(tf.tensor2d(features, [40, 64])) as tfjs.Tensor;
  expect(output.dataSync<'float32'>()).toEqual(normaliseRows(normaliser, features));
  expect(tail.trainableWeights).toHaveLength(2);
  tail.dispose();
  const conv = { inputSize: 32, cut: 'block5_conv1', classes: 2, headUnits: 0, dropout: 0, seed: 1 } as const;
  expect(() => buildTail(tf, weights, { ...conv, normaliser })).toThrow(
    'a normaliser needs features that stay',
  );
});

it.each([
  { what: 'no rows', rows: new Float32Array() },
  { what: 'rows of another width', rows: new Float32Array(5) },
  { what: 'a feature that is no number', rows: Float32Array.of(1, Number.NaN) },
])('refuses $what', ({ rows: given }) => {
  expect(() => fitNormaliser(given, alone(2))).toThrow(RangeError);
});

it('the normal deviates are those of the tables', () => {
  const table = [
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.005, -2.5758293035489004],
    [0.9999, 3.719016485455709],
  ] as const;
  for (const [share, want] of table) expect(deviate(share)).toBeCloseTo(want, 12);
});

/** One group. */
function alone(length: number): readonly FeatureGroup[] {
  return [{ length, share: 1, alike: true }];
}

function meanDifference(got: Float32Array, want: Float32Array): number {
  return got.reduce((sum, value, at) => sum + Math.abs(value - (want[at] ?? 0)), 0) / got.length;
}
