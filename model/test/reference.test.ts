import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CAFFE_MEANS } from '@hilum/imaging';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { binOf, histogramOf, readReference, REFERENCE_PATH } from '../src/reference/reference.ts';
import { inputStatistics } from '../src/reference/statistics.ts';
import type { PackageInfo } from '../src/package/metadata.ts';

/** The input of the network for grey levels, one a pixel. */
function tensorOf(levels: readonly number[]): Float32Array {
  return Float32Array.from(levels.flatMap((level) => CAFFE_MEANS.map((mean) => level - mean)));
}

describe('statistics of an input', () => {
  it('are those of its grey levels', () => {
    const statistics = inputStatistics(tensorOf([0, 0, 255, 100]));
    expect(statistics.mean).toBeCloseTo(88.75, 4);
    // numpy.std([0, 0, 255, 100])
    expect(statistics.deviation).toBeCloseTo(104.3, 1);
    expect([statistics.black, statistics.saturated]).toEqual([0.5, 0.25]);
  });

  it('of a large input are those of all its pixels, nearly, wherever the bright ones lie', () => {
    for (const size of [224, 256, 299]) {
      const levels = Array.from({ length: size * size }, (_, at) => (at % size < size / 2 ? 0 : 200));
      const { mean, black } = inputStatistics(tensorOf(levels));
      expect(Math.abs(mean - 100)).toBeLessThan(2);
      expect(Math.abs(black - 0.5)).toBeLessThan(0.01);
    }
  });
});

describe('a histogram of reference', () => {
  const values = fc.array(fc.oneof(fc.constant(0), fc.double({ min: -5, max: 5, noNaN: true })), {
    minLength: 1,
    maxLength: 200,
  });

  it('counts every value once, in bins that ascend', () => {
    fc.assert(
      fc.property(values, (sample) => {
        const { edges, counts } = histogramOf(sample);
        expect(counts).toHaveLength(edges.length + 1);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(sample.length);
        expect(edges.every((edge, at) => at === 0 || edge > (edges[at - 1] ?? edge))).toBe(true);
      }),
    );
  });

  it('has bins of like size where values differ, and one for the value that most have', () => {
    expect(histogramOf(Array.from({ length: 100 }, (_, at) => at)).counts).toEqual(
      Array.from({ length: 10 }, () => 10),
    );
    const mostlyNone = histogramOf([...Array.from({ length: 95 }, () => 0), 1, 2, 3, 4, 5]);
    expect(mostlyNone).toEqual({ edges: [0], counts: [95, 5] });
  });

  it('holds a value that is an edge below it', () => {
    expect([-1, 0, 0.1, 1, 2].map((value) => binOf(value, [0, 1]))).toEqual([0, 0, 1, 1, 2]);
  });
});

describe('the reference of a package', () => {
  it('is read where the manifest vouches for it, and is none where it does not', async () => {
    const good = reference({ edges: [1, 2], counts: [3, 4, 5] });
    expect((await readReference(await packageWith(good)))?.statistics.mean?.counts).toEqual([3, 4, 5]);
    expect(await readReference(await packageWith(undefined))).toBeUndefined();
  });

  it.each([
    ['edges that do not ascend', reference({ edges: [2, 2], counts: [1, 1, 1] })],
    ['a count too few', reference({ edges: [1, 2], counts: [1, 1] })],
    ['nothing counted', reference({ edges: [], counts: [0] })],
    ['another version', '{"version":2,"note":"","statistics":{}}'],
    ['no JSON', '{'],
  ])('is refused with %s', async (_what, text) => {
    await expect(readReference(await packageWith(text))).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });
});

async function packageWith(text: string | undefined): Promise<PackageInfo> {
  const dir = await mkdtemp(join(tmpdir(), 'hilum-reference-'));
  const path = join(dir, REFERENCE_PATH);
  onTestFinished(() => rm(dir, { recursive: true }));
  await mkdir(dirname(path));
  await writeFile(path, text ?? '{}');
  const files = text === undefined ? [] : [{ path: REFERENCE_PATH, sha256: '', bytes: 0 }];
  return { dir, files } as unknown as PackageInfo;
}
function reference(histogram: object): string {
  return JSON.stringify({ version: 1, note: '', statistics: { mean: histogram } });
}
