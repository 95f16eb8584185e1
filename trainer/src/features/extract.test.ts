import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contractSchema, defaultContract, writeCtSlice } from '@hilum/imaging';
import { loadEngine, type Tf } from '@hilum/model';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { scanDataset, type Dataset } from '../dataset/scan.ts';
import { extractFeatures, readTensor, type FeatureOptions } from './extract.ts';

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

  it('names the file that cannot be decoded', async () => {
    const dir = join(scratch, 'broken');
    await writeTree(dir, { 'a/p1/1.dcm': slice(1), 'b/p2/cut.dcm': slice(2).subarray(0, 700) });
    const broken = await scanDataset(dir);
    await expect(extractFeatures(options(join(scratch, 'c'), { dataset: broken }))).rejects.toMatchObject({
      code: 'UNREADABLE_IMAGE',
      message: expect.stringMatching(/^b\/p2\/cut\.dcm: [A-Z_]+: /) as string,
    });
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
