import { describe, expect, test } from 'vitest';
import { axes, type LineAxis } from './axis.ts';
import type { SearchCode } from './errors.ts';
import { checkSpace, type Parameter, type Space } from './space.ts';

const rate: Parameter = { name: 'rate', type: 'double', min: 0, max: 1 };

describe('a space', () => {
  const mistakes: readonly { readonly when: string; readonly given: Space; readonly want: SearchCode }[] = [
    { when: 'it is empty', given: [], want: 'SPACE_EMPTY' },
    { when: 'a name is empty', given: [{ ...rate, name: '' }], want: 'NAME_INVALID' },
    { when: 'a name comes twice', given: [rate, { ...rate, max: 2 }], want: 'NAME_DUPLICATE' },
    { when: 'min is above max', given: [{ ...rate, min: 2 }], want: 'BOUNDS_INVALID' },
    { when: 'a bound is not a number', given: [{ ...rate, max: Number.NaN }], want: 'BOUNDS_INVALID' },
    {
      when: 'a bound has no end',
      given: [{ ...rate, max: Number.POSITIVE_INFINITY }],
      want: 'BOUNDS_INVALID',
    },
    { when: 'the width overflows', given: [{ ...rate, min: -1e308, max: 1e308 }], want: 'BOUNDS_INVALID' },
    { when: 'an int ends in a half', given: [{ ...rate, type: 'int', max: 1.5 }], want: 'INT_NOT_WHOLE' },
    { when: 'an int steps by halves', given: [{ ...rate, type: 'int', step: 0.5 }], want: 'INT_NOT_WHOLE' },
    { when: 'a logarithm starts at 0', given: [{ ...rate, scale: 'log' }], want: 'LOG_NOT_POSITIVE' },
    { when: 'a step is not a number', given: [{ ...rate, step: Number.NaN }], want: 'STEP_INVALID' },
    { when: 'a step is too small to count', given: [{ ...rate, step: 1e-12 }], want: 'STEP_INVALID' },
    { when: 'a step is 0', given: [{ ...rate, step: 0 }], want: 'STEP_INVALID' },
    {
      when: 'a logarithm has a step',
      given: [{ ...rate, min: 0.1, scale: 'log', step: 0.1 }],
      want: 'STEP_INVALID',
    },
    {
      when: 'a choice is empty',
      given: [{ name: 'c', type: 'choice', values: [] }],
      want: 'CHOICES_INVALID',
    },
    {
      when: 'a choice repeats itself',
      given: [{ name: 'c', type: 'choice', values: ['a', 'a'] }],
      want: 'CHOICES_INVALID',
    },
    {
      when: 'a choice is NaN',
      given: [{ name: 'c', type: 'choice', values: [Number.NaN] }],
      want: 'CHOICES_INVALID',
    },
  ];
  test.for(mistakes)('is refused when $when', ({ given, want }) => {
    expect(() => checkSpace(given)).toThrow(expect.objectContaining({ name: 'SearchError', code: want }));
  });

  test('names the parameter that is wrong', () => {
    expect(() => checkSpace([{ ...rate, step: -1 }])).toThrow(/: rate$/);
  });

  test('may hold a parameter that has one value', () => {
    expect(axes([{ ...rate, min: 0.1, max: 0.1 }])[0]).toMatchObject({ size: 1 });
  });
});

describe('a line', () => {
  test('of steps has values as a person would write them, the last step included', () => {
    const dropout = line({ type: 'double', min: 0, max: 0.7, step: 0.1 });
    expect(Array.from({ length: dropout.size }, (_, index) => dropout.valueAt(index))).toEqual([
      0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7,
    ]);
  });

  test('of large whole numbers keeps their last digit', () => {
    const large = line({ type: 'int', min: 2 ** 53 - 9, max: 2 ** 53 - 1 });
    expect([large.size, large.valueAt(3), large.indexOf(2 ** 53 - 6)]).toEqual([9, 2 ** 53 - 6, 3]);
  });

  test('of steps stops below a max that no step meets', () => {
    const line10 = line({ type: 'int', min: 0, max: 10, step: 4 });
    expect([0, 0.999999].map((place) => line10.valueOf(place))).toEqual([0, 8]);
    expect([8, 10, 6].map((value) => line10.holds(value))).toEqual([true, false, false]);
  });

  test('of a logarithm gives every decade the same room', () => {
    const rate = line({ type: 'double', min: 1e-5, max: 1e-1, scale: 'log' });
    expect([0, 0.25, 0.5, 1].map((place) => rate.valueOf(place))).toEqual([
      1e-5,
      expect.closeTo(1e-4, 10),
      expect.closeTo(1e-3, 10),
      0.1,
    ]);
  });

  test('of whole numbers on a logarithm is covered by their cells without a gap', () => {
    const units = line({ type: 'int', min: 1, max: 9, scale: 'log' });
    const cells = Array.from({ length: 9 }, (_, index) => units.cellOf(index + 1));
    expect(cells[8]?.high).toBeCloseTo(1, 12);
    for (const [index, cell] of cells.entries()) {
      expect(units.valueOf((cell.low + cell.high) / 2)).toBe(index + 1);
      expect(cells[index - 1]?.high ?? 0).toBeCloseTo(cell.low, 12);
    }
  });
});

function line(parameter: object): LineAxis {
  return axes([{ name: 'x', ...parameter } as Parameter])[0] as LineAxis;
}
