import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { largestInTime } from './size.ts';

const predict = (n: number): number => 8 + n;

describe('the size of a batch', () => {
  it.each([
    { given: 'nobody in a hurry', leftMs: [99, 99, 99], want: 3 },
    { given: 'more than fit', leftMs: Array.from({ length: 40 }, () => 99), want: 32 },
    { given: 'one whose time is nearly over', leftMs: [99, 9, 99, 99], want: 3 },
    { given: 'all in a hurry', leftMs: [10, 10, 10, 10], want: 2 },
    { given: 'nobody in time', leftMs: [1, 2, 3], want: 1 },
  ])('of $given is $want', ({ leftMs, want }) => {
    expect(largestInTime(leftMs, 32, predict)).toBe(want);
  });

  it('is one that so many images have the time for, and no larger one is', () => {
    const times = fc.array(fc.integer({ min: 9, max: 60 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 32 }), (leftMs, maxBatch) => {
        const fits = (n: number): boolean => leftMs.filter((ms) => ms >= predict(n)).length >= n;
        const n = largestInTime(leftMs, maxBatch, predict);
        expect(fits(n)).toBe(true);
        for (let more = n + 1; more <= maxBatch; more += 1) expect(fits(more)).toBe(false);
      }),
    );
  });
});
