import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { benchData, noData } from './data.ts';
import { benchFeatures, type FeatureRow } from './features.ts';
import { isEqual } from './report.ts';

describe.skipIf(noData)(`the features of real nodules ${noData || ''}`, () => {
  let scratch: string;
  let row: FeatureRow;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'hilum-bench-'));
    const data = await benchData(join(scratch, 'data'), 12);
    row = await benchFeatures({ data, inputSize: 64, batch: 8, images: 16, turns: 1, rounds: 1, scratch });
  }, 600_000);
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  test('are those of Keras to the last bits of float32', () => {
    expect(row.maxFeature).toBeGreaterThan(1);
    expect(isEqual(row), `${row.maxDifference} of ${row.maxFeature}`).toBe(true);
  });

  test('begin with the same pixels: a file that is not resized is read as Pillow reads it', () => {
    expect(row.maxInputDifference).toBeLessThan(1e-4);
  });
});
