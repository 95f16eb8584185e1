/** Made-up patients with nodules, and a logistic regression over their features: fast, and a real classifier. */
import type { DatasetImage } from '../src/dataset/scan.ts';
import type { FactsByFile } from '../src/evaluation/facts.ts';
import { seededRandom } from '../src/random.ts';
import type { Epoch } from '../src/fit/epoch.ts';
import type { FitJob, FitScore } from '../src/study/fit-and-score.ts';

export interface CrowdOptions {
  readonly seed: number;
  readonly patients: number;
  /** By how many standard deviations the first feature of the malignant lies above that of the others. */
  readonly signal: number;
  /** Four unless told. */
  readonly features?: number;
}

export class Crowd {
  readonly images: readonly DatasetImage[];
  readonly facts: FactsByFile;
  readonly #features: readonly (readonly number[])[];

  constructor({ seed, patients, signal, features = 4 }: CrowdOptions) {
    const normal = gauss(seededRandom('crowd', seed));
    const units = Array.from({ length: patients }, (_, patient) =>
      // One to three nodules; where there are three, the second is of the other kind.
      Array.from({ length: 1 + (patient % 3) }, (_, nodule) => ({
        patient: `p${patient}`,
        label: (patient % 2 === 1) !== (nodule === 1) ? 'malignant' : 'benign',
        nodule,
      })),
    ).flat();
    const rows = units.flatMap(({ patient, label, nodule }) => {
      const own = Array.from({ length: features }, normal);
      const shift = label === 'malignant' ? signal : 0;
      const diameterMm = 10 + 4 * shift * 0.3 + 2 * normal();
      const unit = `${label}/${patient}/${nodule}`;
      // Two slices of a nodule look much alike.
      return [0, 1].map((slice) => ({
        image: { file: `${unit}/${slice}.png`, label, patient, unit },
        features: own.map((value, index) => value + (index === 0 ? shift : 0) + 0.2 * normal()),
        shortcuts: { diameterMm, small: -diameterMm },
      }));
    });
    rows.sort((a, b) => (a.image.file < b.image.file ? -1 : 1));
    this.images = rows.map(({ image }) => image);
    this.#features = rows.map((row) => row.features);
    this.facts = new Map(rows.map(({ image, shortcuts }) => [image.file, { shortcuts, attributes: {} }]));
  }

  /**
   * Gradient descent from zero weights; `headUnits` says which one feature is seen; all are where there is none of this number.
   */
  fitAndScore = async ({ settings, train, score, onEpoch }: FitJob): Promise<FitScore> => {
    const { epochs } = settings.hyperparameters;
    // Of steps without a momentum, larger than a network's.
    const learningRate = 100 * settings.hyperparameters.learningRate;
    const { l2, headUnits } = settings.model;
    const width = this.#features[0]?.length ?? 0;
    const seen = (feature: number): boolean => headUnits >= width || feature === headUnits;
    const weights = Array.from({ length: width + 1 }, () => 0);
    const chance = (index: number): number => {
      const row = this.#features[index] ?? [];
      const sum = row.reduce((total, value, at) => total + (seen(at) ? value * (weights[at] ?? 0) : 0), 0);
      return 1 / (1 + Math.exp(-sum - (weights[width] ?? 0)));
    };
    for (let epoch = 1; epoch <= epochs; epoch += 1) {
      const errors = train.map((index) => chance(index) - Number(this.images[index]?.label === 'malignant'));
      for (const feature of weights.keys()) {
        const slope = errors.reduce(
          (sum, error, at) => sum + error * (this.#features[train[at] ?? 0]?.[feature] ?? 1),
          0,
        );
        const weight = weights[feature] ?? 0;
        weights[feature] = weight - learningRate * (slope / train.length + 2 * l2 * weight);
      }
      if ((await onEpoch?.(epochOf(epoch, epochs))) === 'stop') break;
    }
    const probabilities = score.map((index) => {
      const p = chance(index);
      return [1 - p, p];
    });
    return { probabilities, bestEpoch: epochs };
  };
}

function epochOf(epoch: number, epochs: number): Epoch {
  const figures = { loss: 0.5, valLoss: 0.5, valAccuracy: 0.5, valAucRoc: 0.5 + epoch / 100 };
  return { epoch, epochs, ...figures, learningRate: 0.001, imagesPerSecond: 1000, endedAtMs: 0 };
}

/** Box and Muller. */
function gauss(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
