/** What a tracked run tells, without the hours of a training. */
import { defaultContract } from '@hilum/imaging';
import { loadEngine, writePackage, type PackageInfo } from '@hilum/model';
import type { Verdict } from '../src/evaluation/judge.ts';
import type { Evaluation } from '../src/evaluation.ts';
import type { Epoch } from '../src/fit/epoch.ts';

const SIZE = 32;

/** @param endedAtMs by default the same for the same epoch */
export function anEpoch(epoch: number, endedAtMs = 1_700_000_000_000 + 1000 * epoch): Epoch {
  return {
    epoch,
    epochs: 40,
    loss: 1 / epoch,
    valLoss: 2 / epoch,
    valAccuracy: 0.5,
    valAucRoc: 1 - 0.5 / epoch,
    learningRate: 0.001,
    imagesPerSecond: 100,
    endedAtMs,
  };
}

export const DATASET = { name: 'images', digest: 'd41d8cd98f00b204e9800998ecf8427e.dir', source: 's3://ct' };

export const FIGURES: Pick<Evaluation, 'accuracy' | 'aucRoc' | 'perUnit'> = {
  accuracy: 0.75,
  aucRoc: 0.875,
  perUnit: { samples: 4, accuracy: 0.5, aucRoc: 0.75 },
};

/** No gate was set. */
export const PASSED: Verdict = { passed: true, message: 'no gate is set', gates: [] };

/** A real package of next to nothing. */
export async function aPackage(dir: string): Promise<PackageInfo> {
  const tf = await loadEngine();
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [SIZE, SIZE, 3], filters: 2, kernelSize: 3, padding: 'same' }),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ units: 2, activation: 'softmax' }),
    ],
  });
  const info = await writePackage(dir, tf, model, {
    labels: ['benign', 'malignant'],
    positiveLabel: 'malignant',
    contract: defaultContract('hu', SIZE),
    metrics: { 'test/auc_roc': FIGURES.aucRoc },
    baseWeightsSha256: 'd9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd',
    createdAt: '2026-11-24T05:40:00.123Z',
  });
  model.dispose();
  return info;
}
