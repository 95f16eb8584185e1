/** Made-up scores of slices, nodules and patients, for tests of what is said of them. */
import type { FactsByFile, ImageFacts } from '../src/evaluation/facts.ts';
import { diameterBand } from '../src/evaluation/facts.ts';
import type { ImageScore } from '../src/evaluation.ts';
import { seededRandom } from '../src/random.ts';

export interface ScoreOptions {
  readonly patients: number;
  readonly seed: string;
  /** How much the model knows: 0 is a coin, 6 nearly everything. */
  readonly skill?: number;
  readonly labels?: readonly string[];
}

const TWO = ['benign', 'malignant'];

/** One or two nodules a patient, three slices a nodule; the diameter knows a part of what the model knows. */
export function someScores({ patients, seed, skill = 2, labels = TWO }: ScoreOptions): {
  readonly scores: readonly ImageScore[];
  readonly facts: FactsByFile;
} {
  const random = seededRandom('scores', seed);
  const scores: ImageScore[] = [];
  const facts = new Map<string, ImageFacts>();
  for (let at = 0; at < patients; at += 1) {
    const patient = `exam-${seed}-${String(at).padStart(4, '0')}`;
    const nodules = 1 + Math.floor(random() * 2);
    for (let nodule = 0; nodule < nodules; nodule += 1) {
      const known = Math.floor(random() * labels.length);
      const label = labels[known] ?? '';
      const common = random();
      const diameterMm = 4 + 14 * random() + (label === 'malignant' ? 6 * random() : 0);
      for (let slice = 0; slice < 3; slice += 1) {
        const unit = `${label}/${patient}/nodule_${nodule}`;
        const file = `${unit}/${slice}.png`;
        const logits = labels.map(
          (_, index) => 3 * random() + (index === known ? skill * (common + 0.2) : 0),
        );
        scores.push({ file, label, patient, unit, probabilities: softmax(labels, logits) });
        facts.set(file, {
          shortcuts: {
            fileBytes: Math.round(900 + 40 * diameterMm + 300 * random()),
            meanGrey: random(),
            diameterMm,
          },
          attributes: { diameter: diameterBand(diameterMm), scanner: at % 3 === 0 ? 'A' : 'B' },
        });
      }
    }
  }
  return { scores, facts };
}

function softmax(labels: readonly string[], logits: readonly number[]): Record<string, number> {
  const powers = logits.map(Math.exp);
  const total = powers.reduce((sum, power) => sum + power, 0);
  return Object.fromEntries(labels.map((label, index) => [label, (powers[index] ?? 0) / total]));
}
