import { describe, expect, it } from 'vitest';
import reference from '../../test/fixtures/statistics.json' with { type: 'json' };
import { normalCdf, normalQuantile, normalTail, zOf } from './normal.ts';

describe('the normal distribution', () => {
  it('has the tails of SciPy, to a relative error of 1e-12 as far out as 12 deviations', () => {
    for (const [x = 0, tail = 0] of reference.normal.tail) {
      expect(normalTail(x) / tail).toBeCloseTo(1, 12);
      expect(normalCdf(-x) / tail).toBeCloseTo(1, 12);
    }
  });

  it('has the quantiles of SciPy', () => {
    for (const [p = 0, x = 0] of reference.normal.quantile) expect(normalQuantile(p)).toBeCloseTo(x, 11);
    expect(normalQuantile(0)).toBe(-Infinity);
    expect(normalQuantile(1)).toBe(Infinity);
    expect(zOf(0.95)).toBeCloseTo(1.959963984540054, 12);
  });

  it('refuses what is no probability or level', () => {
    expect(() => normalQuantile(1.1)).toThrow(RangeError);
    expect(() => normalQuantile(Number.NaN)).toThrow(RangeError);
    expect(() => zOf(1)).toThrow(RangeError);
  });
});
