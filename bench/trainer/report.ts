/** The tables of one run, as Markdown, and which of the goals it reached. */
import { RELATIVE_TOLERANCE, type FeatureRow } from './features.ts';
import { slopeOf } from './growth.ts';
import { medianOf } from './median.ts';
import { RECIPE, type Side, type TrainingRow } from './training.ts';

export type BenchResult = {
  readonly date: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string };
  readonly load: { readonly before: number; readonly after: number };
  readonly features: readonly FeatureRow[];
  /** At 64 px, of growing size. */
  readonly growth: readonly TrainingRow[];
  /** At 224 px. */
  readonly large: readonly TrainingRow[];
};

const GOALS = { timesFaster: 5, peakMiB: 1200e6 / 2 ** 20 } as const;

/** What about a run is not as it should be. */
export function shortcomings({ features, growth, large }: BenchResult): readonly string[] {
  const rows = [...growth, ...large];
  const most = Math.max(...rows.flatMap(({ ours }) => ours.map(({ peakMiB }) => peakMiB)));
  return [
    ...rows
      .filter((row) => ratioOf(row) < GOALS.timesFaster)
      .map((row) => `${nameOf(row)}: less than 5 times faster`),
    ...rows
      .filter(
        ({ difference: { interval } }) => interval !== undefined && (interval.low > 0 || interval.high < 0),
      )
      .map((row) => `${nameOf(row)}: the AUC differs by more than its interval`),
    ...(most > GOALS.peakMiB ? [`our peak is ${most.toFixed(0)} MiB`] : []),
    ...features
      .filter((row) => !isEqual(row))
      .map(({ inputSize }) => `${inputSize} px: other features than Keras'`),
  ];
}

export function isEqual({ maxDifference, maxFeature }: FeatureRow): boolean {
  return maxDifference <= RELATIVE_TOLERANCE * maxFeature;
}

export function markdownOf(result: BenchResult): string {
  const { date, machine, load, growth, large, features } = result;
  return `# Bench: training beside Keras

Made by \`npm run bench:trainer -w bench -- --write\` on ${date}: ${machine.cpu}, ${machine.cores} cores, Node.js
${machine.node}; TensorFlow 2.15.1 on both sides, Keras 2.15.0. The load average was ${load.before.toFixed(1)} before
and ${load.after.toFixed(1)} after. Research use only, not for diagnosis.

**The peer** is the plain Keras script that a user would write ([keras_script.py](../bench/trainer/keras_script.py)):
VGG16 frozen inside the model, global average pooling, ${RECIPE.headUnits} hidden units, dropout ${RECIPE.dropout},
softmax, Adam at ${RECIPE.learningRate}, batches of ${RECIPE.batchSize}, balanced class weights, the epoch with the best
validation AUC. It decodes each image once and keeps all in memory, which most scripts do not. **Ours** is \`train()\`
with the same network, split, epochs and weights, from an empty feature cache; the leakage audit is in its time, the
package, which the script does not make, is not. Time is from the start of the process to the scores of the test part.

## The same features

The same inputs through the frozen layers. The largest difference of any feature, and the largest feature; images a
second of the network alone, in batches of the same size, the median and the range of all rounds. The last column is how
far Pillow's reading of the files is from ours, of 255: at 64 px nothing is resized.

| input | images | batch | difference | of at most | ours, images/s | Keras, images/s | ratio | inputs differ by |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${features.map(featureLine).join('\n')}

## Time, memory and AUC

AUC of images on the same test part; the interval of the difference is the 95 % percentile interval of 2,000 resamples
of exams. Memory is the highest resident memory of the process. Extraction is from files to features on disk.

| input | images (train, validation, test) | epochs | ours, s | Keras, s | ratio | ours, MiB | Keras, MiB | ours, AUC | Keras, AUC | difference | extraction, images/s |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${[...growth, ...large].map(trainingLine).join('\n')}

## Growth

![Seconds against images, both logarithmic](bench-trainer-growth.svg)

Time grows with the number of images to the power of ${slopeOf(growth, 'ours').toFixed(2)} (ours) and
${slopeOf(growth, 'keras').toFixed(2)} (Keras); 1 is in proportion, and what is below 1 is the start of the process.
`;
}

function featureLine(row: FeatureRow): string {
  return line([
    `${row.inputSize}`,
    `${row.images}`,
    `${row.batch}`,
    row.maxDifference.toExponential(1),
    row.maxFeature.toFixed(0),
    rates(row.ours),
    rates(row.keras),
    (medianOf(row.ours) / medianOf(row.keras)).toFixed(2),
    row.maxInputDifference.toFixed(2),
  ]);
}

function rates(values: readonly number[]): string {
  return `${medianOf(values).toFixed(1)} (${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)})`;
}

function trainingLine(row: TrainingRow): string {
  const { train, validation, test } = row.parts;
  const { value, interval } = row.difference;
  // An AUC of a handful of images says nothing, and is not shown.
  const auc = (side: Side | undefined): string =>
    interval === undefined ? '–' : (side?.auc ?? Number.NaN).toFixed(3);
  const difference =
    interval === undefined
      ? 'too few exams'
      : `${value.toFixed(3)} (${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})`;
  return line([
    `${row.inputSize}`,
    `${row.images} (${train}, ${validation}, ${test})`,
    `${row.epochs}`,
    seconds(row.ours),
    seconds(row.keras),
    ratioOf(row).toFixed(1),
    peak(row.ours),
    peak(row.keras),
    auc(row.ours[0]),
    auc(row.keras[0]),
    difference,
    row.extraction.toFixed(1),
  ]);
}

function ratioOf({ ours, keras }: TrainingRow): number {
  return medianOf(keras.map(({ seconds: s }) => s)) / medianOf(ours.map(({ seconds: s }) => s));
}

function nameOf({ inputSize, images }: TrainingRow): string {
  return `${images} images at ${inputSize} px`;
}

function seconds(sides: readonly Side[]): string {
  const all = sides.map((side) => side.seconds);
  const spread = all.length < 2 ? '' : ` (${Math.min(...all).toFixed(1)}–${Math.max(...all).toFixed(1)})`;
  return `${medianOf(all).toFixed(1)}${spread}`;
}

function peak(sides: readonly Side[]): string {
  return Math.max(...sides.map(({ peakMiB }) => peakMiB)).toFixed(0);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
