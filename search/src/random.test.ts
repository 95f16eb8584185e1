import { describe, expect, test } from 'vitest';
import { Random, threefry2x32 } from './random.ts';

describe('random numbers', () => {
  test('the block function gives the vectors published with it', () => {
    // Threefry-2x32-20 of the known-answer file of Random123: zeros, ones, digits of pi.
    const ones = 0xffffffff;
    expect(threefry2x32([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry2x32([ones, ones], [ones, ones])).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry2x32([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([
      0xc4923a9c, 0x483df7a0,
    ]);
  });

  test('another seed, trial or purpose is another stream', () => {
    expect(new Set([first(1, 2, 3), first(2, 2, 3), first(1, 3, 3), first(1, 2, 4)]).size).toBe(4);
  });

  test('uniform and normal numbers have the moments they should', () => {
    const random = new Random(7, 0, 0);
    const flat = Array.from({ length: 4000 }, () => random.uniform());
    const bell = Array.from({ length: 4000 }, () => random.normal());
    expect(mean(flat)).toBeCloseTo(0.5, 1);
    expect(mean(flat.map((value) => (value - 0.5) ** 2))).toBeCloseTo(1 / 12, 2);
    expect(mean(bell)).toBeCloseTo(0, 1);
    expect(mean(bell.map((value) => value ** 2))).toBeCloseTo(1, 1);
  });

  test('an index is as likely as its weight, and a weight of nothing never comes', () => {
    const random = new Random(3, 0, 0);
    const counts = [0, 0, 0];
    for (let draw = 0; draw < 4000; draw++) counts[random.weighted([3, 0, 1])]! += 1;
    expect(counts[1]).toBe(0);
    expect((counts[0] ?? 0) / 4000).toBeCloseTo(0.75, 1);
  });

  test('an order holds every number once', () => {
    const order = new Random(3, 0, 0).order(50);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
  });
});

function first(seed: number, trial: number, purpose: number): number {
  return new Random(seed, trial, purpose).uniform();
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
