import { describe, expect, it } from 'vitest';
import { imageWeights } from './image-weights.ts';

const classes = [0, 0, 0, 1, 1, 0];
const units = ['a', 'a', 'a', 'b', 'c', 'd'];
const weights = (classWeights: 'balanced' | 'none', unitWeights: 'equal' | 'none', train = [0, 1, 2, 3]) =>
  Array.from(
    imageWeights({ train, classes, classCount: 2, units, recipe: { classWeights, unitWeights } }),
    (weight) => Math.round(weight * 1e6) / 1e6,
  );

describe('what an image weighs', () => {
  it('is 1 where nothing is weighed, and 0 where it is not trained on', () => {
    expect(weights('none', 'none')).toEqual([1, 1, 1, 1, 0, 0]);
  });

  it('is the same in all for every class, however rare', () => {
    expect(weights('balanced', 'none')).toEqual([0.666667, 0.666667, 0.666667, 2, 0, 0]);
  });

  it('is the same in all for every nodule, however many slices it has', () => {
    expect(weights('none', 'equal')).toEqual([0.666667, 0.666667, 0.666667, 2, 0, 0]);
  });

  it('is the same in all for every class, and in it for every nodule', () => {
    const have = weights('balanced', 'equal', [0, 1, 2, 3, 5]);
    // Of 5 in all, class 0 has 2.5: its nodules a and d 1.25 each.
    expect(have).toEqual([0.416667, 0.416667, 0.416667, 2.5, 0, 1.25]);
  });

  it('counts the training images of a nodule only', () => {
    expect(weights('none', 'equal', [0, 3])).toEqual([1, 0, 0, 1, 0, 0]);
  });

  it('is on average 1', () => {
    const have = weights('balanced', 'equal', [0, 1, 2, 3, 4, 5]);
    expect(have.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(6, 4);
  });

  it('is not guessed without the units', () => {
    const recipe = { classWeights: 'none', unitWeights: 'equal' } as const;
    expect(() => imageWeights({ train: [0], classes, classCount: 2, recipe })).toThrow(RangeError);
  });
});
