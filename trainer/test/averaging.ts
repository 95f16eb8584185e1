/** Slices that can be told apart, and frozen layers that only average: features without VGG16. */
import { join } from 'node:path';
import { defaultContract, writeCtSlice } from '@hilum/imaging';
import { loadEngine, type Tf } from '@hilum/model';
import { scanDataset, type Dataset } from '../src/dataset/scan.ts';
import type { FeatureOptions } from '../src/features/extract.ts';
import { writeTree } from './scratch.ts';

export const contract = defaultContract('hu', 32);

export function slice(instance: number): Uint8Array {
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

/** Four images, of which the third is the first again under another name, and a network that counts what it is given. */
export class Averaging {
  readonly tf: Tf;
  readonly dataset: Dataset;
  /** Images in each batch since the last `options`. */
  batches: number[] = [];

  private constructor(tf: Tf, dataset: Dataset) {
    this.tf = tf;
    this.dataset = dataset;
  }

  static async open(scratch: string): Promise<Averaging> {
    const dir = join(scratch, 'data');
    await writeTree(dir, {
      'a/p1/1.dcm': slice(1),
      'a/p1/2.dcm': slice(2),
      'b/p2/1.dcm': slice(1),
      'b/p2/3.dcm': slice(3),
    });
    return new Averaging(await loadEngine(), await scanDataset(dir));
  }

  /** Images since the last `options`. */
  get inferred(): number {
    return this.batches.reduce((sum, size) => sum + size, 0);
  }

  network(): ReturnType<FeatureOptions['frozen']> {
    const { tf } = this;
    const model = tf.sequential({ layers: [tf.layers.globalAveragePooling2d({ inputShape: [32, 32, 3] })] });
    return {
      predict: (input, options) => {
        this.batches.push((input as { shape: number[] }).shape[0] ?? 0);
        return model.predict(input, options);
      },
      dispose: () => model.dispose(),
    };
  }

  options(cacheDir: string, changes: Partial<FeatureOptions> = {}): FeatureOptions {
    this.batches = [];
    return {
      tf: this.tf,
      dataset: this.dataset,
      contract,
      cut: 'head',
      weightsSha256: 'w',
      frozen: () => this.network(),
      cacheDir,
      ...changes,
    };
  }
}

/** For runs that have nothing to compute. */
export function refuse(): never {
  throw new Error('the network was built');
}
