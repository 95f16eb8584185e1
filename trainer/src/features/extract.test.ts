import { join } from 'node:path';
import { contractSchema, defaultContract } from '@hilum/imaging';
import { scanDataset, type Dataset } from '../dataset/scan.ts';
import { readTensor } from './images.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { Averaging, contract, refuse, slice } from '../../test/averaging.ts';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { extractFeatures } from './extract.ts';

const scratch = scratchDir('features');

async function manySlices(): Promise<Dataset> {
  const dir = join(scratch, 'many');
  const files = Array.from({ length: 80 }, (_, at) => [
    `${at % 2 === 0 ? 'a' : 'b'}/p${at}/1.dcm`,
    slice(at),
  ]);
  await writeTree(dir, Object.fromEntries(files) as Record<string, Uint8Array>);
  return scanDataset(dir);
}

describe('extractFeatures', () => {
  let bench: Averaging;
  beforeAll(async () => {
    bench = await Averaging.open(scratch);
  });

  it('gives each image what the frozen layers make of it, and infers equal bytes once', async () => {
    const features = await extractFeatures(bench.options(join(scratch, 'fresh')));
    expect(bench.inferred).toBe(3);
    expect(features.floats).toBe(3);
    for (const [index, { file }] of bench.dataset.images.entries()) {
      const tensor = await readTensor(bench.dataset.dir, file, contract);
      const mean = [0, 1, 2].map((channel) => {
        const values = tensor.filter((_, at) => at % 3 === channel);
        return values.reduce((sum, value) => sum + value, 0) / values.length;
      });
      for (const [channel, value] of features.rows([index]).entries())
        expect(value).toBeCloseTo(mean[channel] ?? 0, 2);
    }
    features.close();
  });

  it.each([
    ['another contract', { contract: defaultContract('grey', 32, { center: 40, width: 400 }) }],
    ['another cut', { cut: 'block5_conv1' }],
    ['other base weights', { weightsSha256: 'v' }],
    ['other taps, pooling or views', { frozenDigest: 'block2' }],
  ] as const)('infers anew for %s', async (_, change) => {
    const cacheDir = join(scratch, 'keyed');
    (await extractFeatures(bench.options(cacheDir))).close();
    (await extractFeatures(bench.options(cacheDir, change))).close();
    expect(bench.inferred).toBe(3);
  });

  it('infers nothing for another domain, whose pixels are the same', async () => {
    const cacheDir = join(scratch, 'domains');
    (await extractFeatures(bench.options(cacheDir))).close();
    const any = contractSchema.parse({ ...contract, domain: 'any' });
    const again = await extractFeatures(bench.options(cacheDir, { contract: any, frozen: refuse }));
    expect(again.computed).toBe(0);
    again.close();
  });

  it('names the file that cannot be decoded', async () => {
    const dir = join(scratch, 'broken');
    await writeTree(dir, { 'a/p1/1.dcm': slice(1), 'b/p2/cut.dcm': slice(2).subarray(0, 700) });
    const broken = await scanDataset(dir);
    await expect(
      extractFeatures(bench.options(join(scratch, 'c'), { dataset: broken })),
    ).rejects.toMatchObject({
      code: 'UNREADABLE_IMAGE',
      message: expect.stringMatching(/^b\/p2\/cut\.dcm: [A-Z_]+: /) as string,
    });
  });

  it('frees every tensor', async () => {
    const before = bench.tf.memory().numTensors;
    (await extractFeatures(bench.options(join(scratch, 'tensors')))).close();
    expect(bench.tf.memory().numTensors).toBe(before);
  });

  it('stops when told', async () => {
    const stopped = extractFeatures(
      bench.options(join(scratch, 'stopped'), { signal: AbortSignal.abort(new Error('enough')) }),
    );
    await expect(stopped).rejects.toThrow('enough');
    expect(bench.inferred).toBe(0);
  });

  it('takes fewer images at once where each is several inside', async () => {
    const many = await manySlices();
    for (const [views, most] of [
      [1, 24],
      [4, 6],
    ] as const) {
      const run = bench.options(join(scratch, `views-${views}`), { dataset: many, views });
      (await extractFeatures(run)).close();
      expect(Math.max(...bench.batches)).toBe(most);
    }
  });
});
