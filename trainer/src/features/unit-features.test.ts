import { describe, expect, it } from 'vitest';
import type { FeatureRows } from './extract.ts';
import { unitFeatures } from './unit-features.ts';

/** Image i has the row [i, 10 i]; its copies are 1000 more each. */
const images: FeatureRows = {
  floats: 2,
  rows: (indices, copy = 0) =>
    Float32Array.from(
      Array.from(indices).flatMap((index) => [index + copy * 1000, index * 10 + copy * 1000]),
    ),
};

describe('unitFeatures', () => {
  it('has the mean of the members of a group as its row', () => {
    const units = unitFeatures(images, [[0, 1, 2], [5]]);
    expect(units.floats).toBe(2);
    expect([...units.rows([1, 0])]).toEqual([5, 50, 1, 10]);
  });

  it('takes the same copy of every member', () => {
    expect([...unitFeatures(images, [[1, 3]]).rows([0], 2)]).toEqual([2002, 2020]);
  });

  it('knows no other unit, and none without images', () => {
    const units = unitFeatures(images, [[1], []]);
    expect(() => units.rows([2])).toThrow(RangeError);
    expect(() => units.rows([1])).toThrow(RangeError);
  });
});
