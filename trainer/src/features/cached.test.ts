import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { contractSchema } from '@hilum/imaging';
import { buildFrozen, readBaseWeights } from '@hilum/model';
import { waterBottle } from '../../test/water.ts';
import { scanDataset, type Dataset } from '../dataset/scan.ts';
import { writePhantomStudies } from '../phantom/studies.ts';
import { ShardFolder } from './shards.ts';
import { Verdicts } from './verdicts.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { Averaging, contract, refuse, slice } from '../../test/averaging.ts';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { extractFeatures, type FeatureOptions } from './extract.ts';

const scratch = scratchDir('cached');

async function manySlices(): Promise<Dataset> {
  const dir = join(scratch, 'many');
  const files = Array.from({ length: 80 }, (_, at) => [
    `${at % 2 === 0 ? 'a' : 'b'}/p${at}/1.dcm`,
    slice(at),
  ]);
  await writeTree(dir, Object.fromEntries(files) as Record<string, Uint8Array>);
  return scanDataset(dir);
}

describe('the cache of features', () => {
  let bench: Averaging;
  beforeAll(async () => {
    bench = await Averaging.open(scratch);
  });

  it('infers nothing on a second run, and does not even build the network', async () => {
    const cacheDir = join(scratch, 'twice');
    const first = await extractFeatures(bench.options(cacheDir));
    const values = first.rows([0, 1, 2, 3]);
    first.close();
    const progress: unknown[] = [];
    const second = await extractFeatures(
      bench.options(cacheDir, { frozen: refuse, onProgress: (p) => progress.push(p) }),
    );
    expect(second.rows([0, 1, 2, 3])).toEqual(values);
    expect(second.computed).toBe(0);
    expect(progress).toEqual([{ images: 4, totalImages: 4, cached: 4 }]);
    second.close();
  });

  it('drops a shard that was altered on disk and infers its images again', async () => {
    const cacheDir = join(scratch, 'altered');
    (await extractFeatures(bench.options(cacheDir))).close();
    const names = await readdir(cacheDir, { recursive: true });
    const name = names.find((path) => path.endsWith('.features'));
    const path = join(cacheDir, name ?? '');
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    await writeFile(path, bytes);
    (await extractFeatures(bench.options(cacheDir))).close();
    expect(bench.inferred).toBe(3);
  });

  it('decodes nothing on a second run: a file that cannot be decoded does no harm once all is known of it', async () => {
    const cacheDir = join(scratch, 'warm');
    const dir = join(scratch, 'garbage');
    await writeTree(dir, {
      'a/p1/1.dcm': slice(1),
      'b/p2/2.dcm': Buffer.concat([slice(2).subarray(0, 400)]),
    });
    const garbage = await scanDataset(dir);
    (await extractFeatures(bench.options(cacheDir))).close();
    await expect(extractFeatures(bench.options(cacheDir, { dataset: garbage }))).rejects.toThrow(/2\.dcm/);
    const recipe = (await readdir(cacheDir)).find((name) => name.length === 64);
    const digest = createHash('sha256')
      .update(await readFile(join(dir, 'b/p2/2.dcm')))
      .digest('hex');
    const folder = await ShardFolder.open(join(cacheDir, recipe ?? ''));
    await folder.add([digest], Float32Array.of(7, 8, 9));
    folder.close();
    await (await Verdicts.open(cacheDir, contract)).add(new Map([[digest, null]]));
    const features = await extractFeatures(bench.options(cacheDir, { dataset: garbage, frozen: refuse }));
    expect([...features.rows([1])]).toEqual([7, 8, 9]);
    features.close();
  });

  it('judges the domain in the same pass, and remembers it for another cut and another run', async () => {
    const dir = join(scratch, 'mixed');
    await writePhantomStudies({ dir, patients: 2, slices: 1, seed: 3 });
    await writeTree(dir, { 'benign/bottle/1.dcm': waterBottle(), 'malignant/bottle/2.dcm': waterBottle() });
    const mixed = await scanDataset(dir);
    const cacheDir = join(scratch, 'judged');
    for (const cut of ['head', 'block5_conv1', 'head'] as const) {
      const features = await extractFeatures(bench.options(cacheDir, { dataset: mixed, cut }));
      expect(features.survey).toEqual({
        domain: 'any',
        images: 4,
        outside: 2,
        first: { file: expect.stringMatching(/bottle/) as string, code: 'NOT_CHEST' },
      });
      features.close();
    }
  });

  it('judges images whose features are known already where their verdict is not', async () => {
    const cacheDir = join(scratch, 'unjudged');
    const any = contractSchema.parse({ ...contract, domain: 'any' });
    const first = await extractFeatures(bench.options(cacheDir, { contract: any }));
    expect(first.survey).toEqual({ domain: 'any', images: 4, outside: 0 });
    expect(await readdir(cacheDir)).not.toContain('verdicts');
    first.close();
    const second = await extractFeatures(bench.options(cacheDir, { frozen: refuse }));
    expect(second.survey).toMatchObject({ domain: 'any', outside: 4 });
    expect(second.computed).toBe(0);
    second.close();
  });

  it('makes room by removing the recipe that was used longest ago, never its own and none in use', async () => {
    const cacheDir = join(scratch, 'bounded');
    const hour = 3_600_000;
    const at =
      (hours: number): (() => number) =>
      () =>
        Date.UTC(2026, 0, 1) + hours * hour;
    const run = async (weightsSha256: string, hours: number, cacheLimitBytes?: number): Promise<number> => {
      (
        await extractFeatures(bench.options(cacheDir, { weightsSha256, now: at(hours), cacheLimitBytes }))
      ).close();
      return bench.inferred;
    };
    await run('a', 0);
    await run('b', 2);
    await run('a', 4);
    await run('c', 8.5);
    // Each recipe takes 335 bytes: 3 rows of 3 float32 and their header.
    expect(await run('d', 9, 1000)).toBe(3);
    expect(await run('a', 10)).toBe(0);
    expect(await run('c', 10)).toBe(0);
    expect(await run('b', 10)).toBe(3);
    // All others were used a moment ago: the limit gives way, not they.
    expect(await run('e', 10, 1)).toBe(3);
    expect(await run('a', 10)).toBe(0);
  });

  it('has the same rows for two runs that fill one cache at once', async () => {
    const cacheDir = join(scratch, 'at-once');
    const both = await Promise.all([
      extractFeatures(bench.options(cacheDir)),
      extractFeatures(bench.options(cacheDir)),
    ]);
    const third = await extractFeatures(bench.options(cacheDir, { frozen: refuse }));
    for (const features of both) {
      expect(features.rows([0, 1, 2, 3])).toEqual(third.rows([0, 1, 2, 3]));
      features.close();
    }
    third.close();
  });

  it('goes on from what a stopped run had computed', async () => {
    const many = await manySlices();
    const cacheDir = join(scratch, 'stopped-halfway');
    const stop = new AbortController();
    const stopped = extractFeatures(
      bench.options(cacheDir, {
        dataset: many,
        signal: stop.signal,
        onProgress: ({ images }) => {
          if (images >= 64) stop.abort(new Error('enough'));
        },
      }),
    );
    await expect(stopped).rejects.toThrow('enough');
    expect(await readdir(join(cacheDir, 'verdicts', `chest-ct-${contract.version}`))).toHaveLength(1);
    const features = await extractFeatures(bench.options(cacheDir, { dataset: many }));
    expect(bench.inferred).toBe(16);
    features.close();
  });

  it('refuses a file that another took the place of while the run read it', async () => {
    const dir = join(scratch, 'swapped');
    await writeTree(dir, { 'a/p1/1.dcm': slice(1), 'b/p2/2.dcm': slice(2) });
    const swapped = await scanDataset(dir);
    const frozen = (): ReturnType<FeatureOptions['frozen']> => {
      // Between the digest and the decoding.
      writeFileSync(join(dir, 'b/p2/2.dcm'), slice(3));
      return bench.network();
    };
    await expect(
      extractFeatures(bench.options(join(scratch, 'swap'), { dataset: swapped, frozen })),
    ).rejects.toMatchObject({
      code: 'UNREADABLE_IMAGE',
      message: expect.stringMatching(/changed/) as string,
    });
  });

  it('gives an image the same bits whichever others are computed with it, by the real network', async () => {
    const weights = await readBaseWeights(await baseWeightsPath());
    const network = { inputSize: 32, cut: 'head', taps: ['block5_pool'], pooling: 'avg', views: 1 } as const;
    const frozen = (): ReturnType<FeatureOptions['frozen']> => buildFrozen(bench.tf, weights, network);
    const whole = await extractFeatures(bench.options(join(scratch, 'whole'), { frozen }));
    const cacheDir = join(scratch, 'parts');
    const one = { dir: bench.dataset.dir, images: bench.dataset.images.slice(3) };
    (await extractFeatures(bench.options(cacheDir, { frozen, dataset: one }))).close();
    const parts = await extractFeatures(bench.options(cacheDir, { frozen }));
    expect(parts.computed).toBe(2);
    expect(parts.rows([0, 1, 2, 3])).toEqual(whole.rows([0, 1, 2, 3]));
    whole.close();
    parts.close();
  });
});
