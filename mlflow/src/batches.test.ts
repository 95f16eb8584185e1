import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchesOf, type MetricPoint } from './batches.ts';
import type { MlflowError } from './errors.ts';

const points = (count: number): MetricPoint[] =>
  Array.from({ length: count }, (_, step) => ({ key: 'train/loss', value: step, timestampMs: 1, step }));

describe('batchesOf', () => {
  it('sends nothing when there is nothing to log', () => {
    expect(batchesOf({ metrics: [], params: {}, tags: {} })).toEqual([]);
  });

  it('never exceeds what MLflow takes, and loses or reorders nothing', () => {
    const record = fc.dictionary(
      fc.string({ minLength: 1, maxLength: 250 }),
      fc.string({ maxLength: 6000 }),
      {
        maxKeys: 250,
      },
    );
    const given = fc.record({
      metrics: fc.nat({ max: 3500 }).map((count) => points(count)),
      params: record,
      tags: record,
    });
    fc.assert(
      fc.property(given, ({ metrics, params, tags }) => {
        const batches = batchesOf({ metrics, params, tags });
        for (const batch of batches) {
          expect(batch.params.length).toBeLessThanOrEqual(100);
          expect(batch.tags.length).toBeLessThanOrEqual(100);
          const items = batch.metrics.length + batch.params.length + batch.tags.length;
          expect(items).toBeGreaterThan(0);
          expect(items).toBeLessThanOrEqual(1000);
          expect(Buffer.byteLength(JSON.stringify({ run_id: 'x'.repeat(32), ...batch }))).toBeLessThan(
            1_000_000,
          );
        }
        const pairs = (kind: 'params' | 'tags'): string[][] =>
          batches.flatMap((batch) => batch[kind].map(({ key, value }) => [key, value]));
        expect(batches.flatMap((batch) => batch.metrics.map(({ step }) => step))).toEqual(
          metrics.map(({ step }) => step),
        );
        expect(pairs('params')).toEqual(Object.entries(params));
        expect(pairs('tags')).toEqual(Object.entries(tags));
      }),
      { numRuns: 40 },
    );
  });

  it('writes what JSON has no number for by its name', () => {
    const metrics = [{ key: 'val/loss', value: Number.NaN, timestampMs: 1, step: 1 }];
    expect(batchesOf({ metrics })[0]?.metrics[0]?.value).toBe('NaN');
  });

  it.each([
    { what: 'a parameter that MLflow would cut', given: { params: { long: 'x'.repeat(6001) } } },
    { what: 'a tag that MLflow would cut', given: { tags: { long: 'x'.repeat(8001) } } },
    { what: 'a name that is too long', given: { params: { ['k'.repeat(251)]: '1' } } },
  ])('refuses $what', ({ given }) => {
    expect(() => batchesOf(given)).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }) as MlflowError,
    );
  });
});
