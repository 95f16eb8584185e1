import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AGGREGATION_RULES,
  aggregate,
  type AggregationRule,
  type Probabilities,
} from '../src/decision/aggregation.ts';

/** A number that agrees to `digits` decimals. */
const near = (number: number, digits = 12): unknown => expect.closeTo(number, digits);

const LABELS = ['benign', 'malignant', 'normal'];

const rows = fc.array(
  fc
    .tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([one, other]): Probabilities => {
      const benign = one * (1 - other);
      return { benign, malignant: other, normal: 1 - other - benign };
    }),
  { minLength: 1, maxLength: 8 },
);

const binary = (...malignant: readonly number[]) => malignant.map((p) => ({ benign: 1 - p, malignant: p }));
const whole = (rule: AggregationRule, members: readonly Probabilities[]) =>
  aggregate(rule, members, ['benign', 'malignant'], 'malignant')['malignant'];

describe('aggregate', () => {
  it.each([
    ['mean', 0.525],
    ['mean-logit', 1 / (1 + Math.exp(-(Math.log(1 / 9) + Math.log(4) + Math.log(1.5) + Math.log(1.5)) / 4))],
    ['max', 0.8],
    ['top3', (0.8 + 0.6 + 0.6) / 3],
    ['noisy-or', 1 - 0.9 * 0.2 * 0.4 * 0.4],
  ] as const)('%s of 0.1, 0.8, 0.6 and 0.6', (rule, want) => {
    expect(whole(rule, binary(0.1, 0.8, 0.6, 0.6))).toEqual(near(want));
  });

  it('gives probabilities that add up to 1, in whatever order the parts come', () => {
    fc.assert(
      fc.property(fc.constantFrom(...AGGREGATION_RULES), rows, (rule, members) => {
        const got = aggregate(rule, members, LABELS, 'malignant');
        expect(Object.values(got).reduce((sum, p) => sum + p, 0)).toEqual(near(1, 9));
        expect(Object.values(got).every((p) => p >= 0 && p <= 1 + 1e-12)).toBe(true);
        expect(aggregate(rule, members.toReversed(), LABELS, 'malignant')).toEqual(got);
      }),
    );
  });

  it('leaves a single part as it is', () => {
    fc.assert(
      fc.property(fc.constantFrom(...AGGREGATION_RULES), rows, (rule, [member = {}]) => {
        const got = aggregate(rule, [member], LABELS, 'malignant');
        for (const label of LABELS) expect(got[label]).toEqual(near(member[label] ?? 0, 9));
      }),
    );
  });

  it('is not lower where one more part is as sure as the surest, except for what needs all of them', () => {
    fc.assert(
      fc.property(fc.constantFrom('max', 'noisy-or' as const), rows, (rule, members) => {
        const most = members.toSorted((a, b) => (b['malignant'] ?? 0) - (a['malignant'] ?? 0))[0] ?? {};
        const one = aggregate(rule, members, LABELS, 'malignant')['malignant'] ?? 0;
        const more = aggregate(rule, [...members, most], LABELS, 'malignant')['malignant'] ?? 0;
        expect(more).toBeGreaterThanOrEqual(one - 1e-12);
      }),
    );
  });

  it('stays finite where a network rounded to 0 and 1', () => {
    for (const rule of AGGREGATION_RULES) {
      for (const members of [binary(1, 1, 1), binary(0, 0), binary(1, 0)]) {
        expect(Number.isFinite(whole(rule, members))).toBe(true);
      }
    }
    expect(whole('mean-logit', binary(1, 0))).toEqual(near(0.5));
  });
});
