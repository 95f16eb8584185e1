import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLatencyFit } from './latency.ts';

const sizes = fc.array(fc.integer({ min: 1, max: 32 }), { minLength: 40, maxLength: 60 });

describe('the fit of a batch’s time', () => {
  it('knows nothing before the first batch', () => {
    expect(createLatencyFit().predict(1)).toBeUndefined();
  });

  it('finds the line that the batches lie on', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.double({ min: 0.1, max: 300, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (ns, a, b) => {
          const fit = createLatencyFit();
          const varied = [1, 32, ...ns, 2, 16, 8, 24];
          for (const n of varied) fit.add(n, a * n + b);
          for (const n of [1, 8, 32]) {
            expect(Math.abs((fit.predict(n) ?? 0) - (a * n + b))).toBeLessThan(0.02 * (a * n + b));
          }
        },
      ),
    );
  });

  it('has no negative part, whatever was measured, and is right on average of the sizes it saw', () => {
    const measured = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 8 }), fc.double({ min: 0, max: 1e6, noNaN: true })),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(measured, (batches) => {
        const fit = createLatencyFit();
        for (const [n, ms] of batches) fit.add(n, ms);
        expect(fit.perImageMs).toBeGreaterThanOrEqual(0);
        expect(fit.fixedMs).toBeGreaterThanOrEqual(0);
        expect(fit.spreadMs).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(fit.predict(8))).toBe(true);
      }),
    );
  });

  it('takes all time for the images’ where every batch had one size, for it cannot know better', () => {
    const fit = createLatencyFit();
    for (let k = 0; k < 200; k += 1) fit.add(1, 30);
    expect(fit.predict(1)).toBeCloseTo(30, 9);
    expect(fit.fixedMs).toBeCloseTo(0, 9);
    expect(fit.spreadMs).toBeLessThan(1e-5);
  });

  it('forgets: after the machine became slower it says so within some batches', () => {
    const fit = createLatencyFit();
    for (let k = 0; k < 500; k += 1) fit.add(1, 30);
    for (let k = 0; k < 60; k += 1) fit.add(1, 90);
    expect(fit.predict(1)).toBeGreaterThan(85);
  });
});
