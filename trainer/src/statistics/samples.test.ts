import { describe, expect, it } from 'vitest';
import { failure } from '../../test/figures.ts';
import { summarise } from '../evaluation.ts';
import { binarySamples, checkBinary, checkClasses, classSamples, isDefined, lacksClass } from './samples.ts';

const evaluation = summarise(
  [
    ['a', 'benign', 0.9],
    ['a', 'benign', 0.7],
    ['b', 'malignant', 0.2],
  ].map(([patient, label, benign], index) => ({
    file: `${String(label)}/${String(patient)}/${index}.png`,
    label: String(label),
    patient: String(patient),
    unit: `${String(label)}/${String(patient)}`,
    probabilities: { benign: Number(benign), malignant: 1 - Number(benign) },
  })),
  { labels: ['benign', 'malignant'], positiveLabel: 'malignant', part: 'test' },
);

describe('samples', () => {
  it('are made of the images and of the units of an evaluation alike', () => {
    expect(binarySamples(evaluation.images, 'benign')).toEqual({
      scores: [0.9, 0.7, 0.2],
      positive: [true, true, false],
      groups: ['a', 'a', 'b'],
    });
    expect(classSamples(evaluation.units, evaluation.labels)).toEqual({
      probabilities: [
        [0.8, expect.closeTo(0.2, 12)],
        [0.2, 0.8],
      ],
      classes: [0, 1],
      groups: ['a', 'b'],
    });
  });

  it('refuse a score that is no number, of a diverged model or a label that it does not know', () => {
    const diverged = [{ label: 'x', patient: 'p', probabilities: { x: Number.NaN } }];
    const notANumber = failure('NOT_A_NUMBER');
    expect(() => binarySamples(diverged, 'x')).toThrow(notANumber);
    expect(() => binarySamples(evaluation.images, 'unheard of')).toThrow(notANumber);
    expect(() => classSamples(diverged, ['x'])).toThrow(notANumber);
    expect(() => {
      checkBinary({ scores: [Infinity], positive: [true], groups: ['a'] });
    }).toThrow(notANumber);
  });

  it('are one table: columns of other lengths and classes without a probability are a bug', () => {
    const bug = failure('INTERNAL');
    expect(() => {
      checkBinary({ scores: [1, 2], positive: [true], groups: ['a', 'b'] });
    }).toThrow(bug);
    expect(() => classSamples(evaluation.images, ['malignant'])).toThrow(bug);
    expect(() => {
      checkClasses({ probabilities: [[1, 0], [1]], classes: [0, 0], groups: ['a', 'b'] });
    }).toThrow(bug);
  });

  it('say why the classes cannot be compared', () => {
    expect(lacksClass([])).toEqual({ notDefined: 'there are no samples' });
    expect(lacksClass([true, true])).toEqual({ notDefined: 'all of 2 samples are positive' });
    expect(lacksClass([false])).toEqual({ notDefined: 'none of 1 samples is positive' });
    expect(lacksClass([false, true])).toBeUndefined();
    expect(isDefined<number>({ notDefined: 'x' })).toBe(false);
    expect(isDefined(0)).toBe(true);
  });
});
