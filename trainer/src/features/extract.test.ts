import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contractSchema, defaultContract, writeCtSlice } from '@hilum/imaging';
import { baseWeightsPath } from '@hilum/hack';
import { buildFrozen, loadEngine, readBaseWeights, type Tf } from '@hilum/model';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { waterBottle } from '../../test/water.ts';
import { scanDataset, type Dataset } from '../dataset/scan.ts';
import { writePhantomStudies } from '../phantom/studies.ts';
import { extractFeatures, type FeatureOptions } from './extract.ts';
import { readTensor } from './images.ts';
import { ShardFolder } from './shards.ts';
import { Verdicts } from './verdicts.ts';

const scratch = scratchDir('features');
const contract = defaultContract('hu', 32);

function slice(instance: number): Uint8Array {
  return writeCtSlice({
    rows: 16,
    columns: 16,
    hu: Array.from({ length: 256 }, (_, at) => -1000 + at * instance),
    patientId: 'SYNTHETIC',
    instance,
    position: [0, 0, instance],
    pixelSpacing: [1, 1],
    sliceThickness: 1,
  });
}

function refuse(): never {
  throw new Error('the network was built');
}

describe('extractFeatures', () => {
  let tf: Tf;
  let dataset: Dataset;
  let inferred = 0;

  beforeAll(async () => {
    tf = await loadEngine();
    const dir = join(scratch, 'data');
    // The third is the first again, under another name.
    await writeTree(dir, {
      'a/p1/1.dcm': slice(1),
      'a/p1/2.dcm': slice(2),
      'b/p2/1.dcm': slice(1),
      'b/p2/3.dcm': slice(3),
    });
    dataset = await scanDataset(dir);
  });

  /** A network that only averages, and counts the images it is given. */
  function averaging(): ReturnType<FeatureOptions['frozen']> {
    const model = tf.sequential({ layers: [tf.layers.globalAveragePooling2d({ inputShape: [32, 32, 3] })] });
    return {
      predict: (input, options) => {
        inferred += (input as { shape: number[] }).shape[0] ?? 0;
        return model.predict(input, options);
      },
      dispose: () => model.dispose(),
    };
  }

  function options(cacheDir: string, changes: Partial<FeatureOptions> = {}): FeatureOptions {
    inferred = 0;
    return {
      tf,
      dataset,
      contract,
      cut: 'head',
      weightsSha256: 'w',
      frozen: averaging,
      cacheDir,
      ...changes,
    };
  }

  it('gives each image what the frozen layers make of it, and infers equal bytes once', async () => {
    const features = await extractFeatures(options(join(scratch, 'fresh')));
    expect(inferred).toBe(3);
    expect(features.floats).toBe(3);
    for (const [index, { file }] of dataset.images.entries()) {
      const tensor = await readTensor(dataset.dir, file, contract);
      const mean = [0, 1, 2].map((channel) => {
        const values = tensor.filter((_, at) => at % 3 === channel);
        return values.reduce((sum, value) => sum + value, 0) / values.length;
      });
      for (const [channel, value] of features.rows([index]).entries())
        expect(value).toBeCloseTo(mean[channel] ?? 0, 2);
    }
    features.close();
  });

  it('infers nothing on a second run, and does not even build the network', async () => {
    const cacheDir = join(scratch, 'twice');
    const first = await extractFeatures(options(cacheDir));
    const values = first.rows([0, 1, 2, 3]);
    first.close();
    const progress: unknown[] = [];
    const second = await extractFeatures(
      options(cacheDir, { frozen: refuse, onProgress: (p) => progress.push(p) }),
    );
    expect(second.rows([0, 1, 2, 3])).toEqual(values);
    expect(second.computed).toBe(0);
    expect(progress).toEqual([{ images: 4, totalImages: 4, cached: 4 }]);
    second.close();
  });

  it.each([
    ['another contract', { contract: defaultContract('grey', 32, { center: 40, width: 400 }) }],
    ['another cut', { cut: 'block5_conv1' }],
    ['other base weights', { weightsSha256: 'v' }],
    ['other taps, pooling or views', { frozenDigest: 'block2' }],
  ] as const)('infers anew for %s', async (_, change) => {
    const cacheDir = join(scratch, 'keyed');
    (await extractFeatures(options(cacheDir))).close();
    (await extractFeatures(options(cacheDir, change))).close();
    expect(inferred).toBe(3);
  });

  it('infers nothing for another domain, whose pixels are the same', async () => {
    const cacheDir = join(scratch, 'domains');
    (await extractFeatures(options(cacheDir))).close();
    const any = contractSchema.parse({ ...contract, domain: 'any' });
    const again = await extractFeatures(options(cacheDir, { contract: any, frozen: refuse }));
    expect(again.computed).toBe(0);
    again.close();
  });

  it('drops a shard that was altered on disk and infers its images again', async () => {
    const cacheDir = join(scratch, 'altered');
    (await extractFeatures(options(cacheDir))).close();
    const names = await readdir(cacheDir, { recursive: true });
    const name = names.find((path) => path.endsWith('.features'));
    const path = join(cacheDir, name ?? '');
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    await writeFile(path, bytes);
    (await extractFeatures(options(cacheDir))).close();
    expect(inferred).toBe(3);
  });

  it('decodes nothing on a second run: a file that cannot be decoded does no harm once all is known of it', async () => {
    const cacheDir = join(scratch, 'warm');
    const dir = join(scratch, 'garbage');
    await writeTree(dir, {
      'a/p1/1.dcm': slice(1),
      'b/p2/2.dcm': Buffer.concat([slice(2).subarray(0, 400)]),
    });
    const garbage = await scanDataset(dir);
    (await extractFeatures(options(cacheDir))).close();
    await expect(extractFeatures(options(cacheDir, { dataset: garbage }))).rejects.toThrow(/2\.dcm/);
    const recipe = (await readdir(cacheDir)).find((name) => name.length === 64);
    const digest = createHash('sha256')
      .update(await readFile(join(dir, 'b/p2/2.dcm')))
      .digest('hex');
    const folder = await ShardFolder.open(join(cacheDir, recipe ?? ''));
    await folder.add([digest], Float32Array.of(7, 8, 9));
    folder.close();
    await (await Verdicts.open(cacheDir, contract)).add(new Map([[digest, null]]));
    const features = await extractFeatures(options(cacheDir, { dataset: garbage, frozen: refuse }));
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
      const features = await extractFeatures(options(cacheDir, { dataset: mixed, cut }));
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
    const first = await extractFeatures(options(cacheDir, { contract: any }));
    expect(first.survey).toEqual({ domain: 'any', images: 4, outside: 0 });
    first.close();
    const second = await extractFeatures(options(cacheDir, { frozen: refuse }));
    expect(second.survey).toMatchObject({ domain: 'any', outside: 4 });
    expect(second.computed).toBe(0);
    second.close();
  });

  describe('with changed copies', () => {
    const recipe = { copies: 2, rotationDegrees: 10, shiftPercent: 5, scalePercent: 5, noise: 10 };
    const augmentation = { recipe, seed: 7, train: [0, 1] };

    it('makes them of training images alone, beside the images themselves', async () => {
      const progress: unknown[] = [];
      const features = await extractFeatures(
        options(join(scratch, 'copies'), { augmentation, onProgress: (p) => progress.push(p) }),
      );
      expect(inferred).toBe(3 + 2 * 2);
      expect(progress.at(-1)).toEqual({ images: 8, totalImages: 8, cached: 1 });
      const [plain, one, two] = [0, 1, 2].map((copy) => features.rows([0, 1], copy));
      expect(one).not.toEqual(plain);
      expect(two).not.toEqual(one);
      expect(() => features.rows([3], 1)).toThrow(/no features/);
      expect(() => features.rows([0], 3)).toThrow(/no copy 3/);
      features.close();
    });

    it('shares the images with runs that change nothing, and copies with runs that make more of them', async () => {
      const cacheDir = join(scratch, 'shared');
      (await extractFeatures(options(cacheDir))).close();
      const two = await extractFeatures(options(cacheDir, { augmentation }));
      expect(inferred).toBe(4);
      const kept = two.rows([0, 1], 2);
      two.close();
      const more = { ...augmentation, recipe: { ...recipe, copies: 3 } };
      const three = await extractFeatures(options(cacheDir, { augmentation: more }));
      expect(inferred).toBe(2);
      expect(three.rows([0, 1], 2)).toEqual(kept);
      three.close();
    });

    it.each([
      ['another seed', { ...augmentation, seed: 8 }],
      ['another recipe', { ...augmentation, recipe: { ...recipe, noise: 11 } }],
    ])('makes them anew for %s', async (_, changed) => {
      const cacheDir = join(scratch, 'seeds');
      const first = await extractFeatures(options(cacheDir, { augmentation }));
      const before = first.rows([0, 1], 1);
      first.close();
      const second = await extractFeatures(options(cacheDir, { augmentation: changed }));
      expect(inferred).toBe(4);
      expect(second.rows([0, 1], 1)).not.toEqual(before);
      second.close();
    });

    it('gives the image itself for every copy where the recipe changes nothing, and computes none', async () => {
      const nothing = { copies: 2, rotationDegrees: 0, shiftPercent: 0, scalePercent: 0, noise: 0 };
      const features = await extractFeatures(
        options(join(scratch, 'nothing'), { augmentation: { ...augmentation, recipe: nothing } }),
      );
      expect(inferred).toBe(3);
      expect(features.rows([0, 1], 2)).toEqual(features.rows([0, 1]));
      features.close();
    });
  });

  it('makes room by removing the recipe that was used longest ago, never its own and none in use', async () => {
    const cacheDir = join(scratch, 'bounded');
    const hour = 3_600_000;
    const at =
      (hours: number): (() => number) =>
      () =>
        Date.UTC(2026, 0, 1) + hours * hour;
    const run = async (weightsSha256: string, hours: number, cacheLimitBytes?: number): Promise<number> => {
      (await extractFeatures(options(cacheDir, { weightsSha256, now: at(hours), cacheLimitBytes }))).close();
      return inferred;
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

  it('names the file that cannot be decoded', async () => {
    const dir = join(scratch, 'broken');
    await writeTree(dir, { 'a/p1/1.dcm': slice(1), 'b/p2/cut.dcm': slice(2).subarray(0, 700) });
    const broken = await scanDataset(dir);
    await expect(extractFeatures(options(join(scratch, 'c'), { dataset: broken }))).rejects.toMatchObject({
      code: 'UNREADABLE_IMAGE',
      message: expect.stringMatching(/^b\/p2\/cut\.dcm: [A-Z_]+: /) as string,
    });
  });

  it('has the same rows for two runs that fill one cache at once', async () => {
    const cacheDir = join(scratch, 'at-once');
    const both = await Promise.all([extractFeatures(options(cacheDir)), extractFeatures(options(cacheDir))]);
    const third = await extractFeatures(options(cacheDir, { frozen: refuse }));
    for (const features of both) {
      expect(features.rows([0, 1, 2, 3])).toEqual(third.rows([0, 1, 2, 3]));
      features.close();
    }
    third.close();
  });

  it('goes on from what a stopped run had computed', async () => {
    const dir = join(scratch, 'many');
    const files = Array.from({ length: 80 }, (_, at) => [
      `${at % 2 === 0 ? 'a' : 'b'}/p${at}/1.dcm`,
      slice(at),
    ]);
    await writeTree(dir, Object.fromEntries(files) as Record<string, Uint8Array>);
    const many = await scanDataset(dir);
    const cacheDir = join(scratch, 'stopped-halfway');
    const stop = new AbortController();
    const stopped = extractFeatures(
      options(cacheDir, {
        dataset: many,
        signal: stop.signal,
        onProgress: ({ images }) => {
          if (images >= 64) stop.abort(new Error('enough'));
        },
      }),
    );
    await expect(stopped).rejects.toThrow('enough');
    const features = await extractFeatures(options(cacheDir, { dataset: many }));
    expect(inferred).toBe(16);
    features.close();
  });

  it('refuses a file that another took the place of while the run read it', async () => {
    const dir = join(scratch, 'swapped');
    await writeTree(dir, { 'a/p1/1.dcm': slice(1), 'b/p2/2.dcm': slice(2) });
    const swapped = await scanDataset(dir);
    const frozen = (): ReturnType<FeatureOptions['frozen']> => {
      // Between the digest and the decoding.
      writeFileSync(join(dir, 'b/p2/2.dcm'), slice(3));
      return averaging();
    };
    await expect(
      extractFeatures(options(join(scratch, 'swap'), { dataset: swapped, frozen })),
    ).rejects.toMatchObject({
      code: 'UNREADABLE_IMAGE',
      message: expect.stringMatching(/changed/) as string,
    });
  });

  it('gives an image the same bits whichever others are computed with it, by the real network', async () => {
    const weights = await readBaseWeights(await baseWeightsPath());
    const network = { inputSize: 32, cut: 'head', taps: ['block5_pool'], pooling: 'avg', views: 1 } as const;
    const frozen = (): ReturnType<FeatureOptions['frozen']> => buildFrozen(tf, weights, network);
    const whole = await extractFeatures(options(join(scratch, 'whole'), { frozen }));
    const cacheDir = join(scratch, 'parts');
    const one = { dir: dataset.dir, images: dataset.images.slice(3) };
    (await extractFeatures(options(cacheDir, { frozen, dataset: one }))).close();
    const parts = await extractFeatures(options(cacheDir, { frozen }));
    expect(parts.computed).toBe(2);
    expect(parts.rows([0, 1, 2, 3])).toEqual(whole.rows([0, 1, 2, 3]));
    whole.close();
    parts.close();
  });

  it('frees every tensor', async () => {
    const before = tf.memory().numTensors;
    (await extractFeatures(options(join(scratch, 'tensors')))).close();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stops when told', async () => {
    const stopped = extractFeatures(
      options(join(scratch, 'stopped'), { signal: AbortSignal.abort(new Error('enough')) }),
    );
    await expect(stopped).rejects.toThrow('enough');
    expect(inferred).toBe(0);
  });
});
