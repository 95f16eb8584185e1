/** A trained network → the same in whole numbers, where that costs next to no AUC on validation. */
import type { Contract } from '@hilum/imaging';
import { int8Model, loadOnnx, type Aggregation, type Tf } from '@hilum/model';
import type { DatasetImage } from './dataset/scan.ts';
import { DEFAULT_AGGREGATION, samplesAt, type Classes } from './evaluation/levels.ts';
import { byLabel, type ImageScore } from './evaluation.ts';
import { readTensor } from './features/images.ts';
import { aucRoc } from './metrics.ts';
import type { NotDefined } from './statistics/samples.ts';
import type { LayersModel } from './tensors.ts';

/** What `training/int8.json` of a package says; also where there is no int8 file, and why. */
export interface Int8Record {
  /** Whether the file goes with the package. */
  readonly kept: boolean;
  /** A sentence. */
  readonly reason: string;
  /** Of the AUCs: units where they have several images. */
  readonly level: 'image' | 'unit';
  readonly aucRocFp32: number | NotDefined;
  readonly aucRocInt8: number | NotDefined;
  /** What is lost: positive where int8 is worse. */
  readonly deltaAucRoc: number | NotDefined;
  /** The most that may be lost. */
  readonly maxDeltaAucRoc: number;
  /** Between the two probabilities of any label, of any image. */
  readonly largestDifference: number | NotDefined;
  readonly meanDifference: number | NotDefined;
  /** The most that it may be: thresholds and temperature of the package are of the float32 network's probabilities. */
  readonly maxMeanDifference: number;
  /** Of validation. */
  readonly images: number;
  /** Of the training part: by these the ranges were found. */
  readonly calibrationImages: number;
  /** Of the file. */
  readonly bytes: number | NotDefined;
}

export interface QuantiseOptions {
  readonly tf: Tf;
  /** Of `joinModel`. */
  readonly whole: LayersModel;
  readonly contract: Contract;
  /** The dataset's folder. */
  readonly dir: string;
  /** The training part; of more than 128 images, evenly spaced ones are taken. */
  readonly train: readonly Pick<DatasetImage, 'file'>[];
  /** The validation part with what the float32 network says of it. */
  readonly validation: readonly ImageScore[];
  readonly classes: Classes;
  readonly aggregation?: Aggregation;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calibrates an int8 file on training images and compares it with the float32 network on validation: kept where AUC
 * falls by 0.005 at most, and probabilities differ by 0.05 at most on average: another scale of them has the same AUC,
 * and other answers at the package's threshold. Whatever becomes of it, the record says.
 *
 * @returns `bytes` of `model.int8.onnx`, only where it is kept
 * @throws TrainerError UNREADABLE_IMAGE; PackageError LAYER_UNSUPPORTED
 */
export async function quantiseModel(
  options: QuantiseOptions,
): Promise<{ readonly record: Int8Record; readonly bytes?: Uint8Array }> {
  const { tf, whole, train, validation, signal } = options;
  const calibration = evenly(train, CALIBRATION_IMAGES);
  const counts = { images: validation.length, calibrationImages: calibration.length };
  if (calibration.length === 0 || validation.length === 0) {
    return { record: refused(options, counts, 'it needs images of the training and of the validation part') };
  }
  const bytes = await int8Model(tf, whole, await tensorsOf(options, calibration), { signal });
  if (bytes === undefined) {
    return {
      record: refused(options, counts, 'the network has no convolution, so there is nothing to quantise'),
    };
  }
  const scores = await scoresOf(options, bytes);
  const record = judge(options, scores, { ...counts, bytes: bytes.byteLength });
  return record.kept ? { record, bytes } : { record };
}

/** Of a few hundred the ranges are no other; these are read and held at once: 77 MB of 224 x 224. */
const CALIBRATION_IMAGES = 128;
const BATCH = 16;
const MAX_DELTA_AUC = 0.005;
const MAX_MEAN_DIFFERENCE = 0.05;

function evenly<Item>(items: readonly Item[], count: number): readonly Item[] {
  const step = Math.max(1, items.length / count);
  return Array.from(
    { length: Math.min(count, items.length) },
    (_, at) => items[Math.floor(at * step)],
  ).filter((item) => item !== undefined);
}

async function tensorsOf(
  { contract, dir, signal }: QuantiseOptions,
  images: readonly Pick<DatasetImage, 'file'>[],
): Promise<Float32Array> {
  const floats = contract.inputSize ** 2 * 3;
  const tensors = new Float32Array(images.length * floats);
  for (const [at, { file }] of images.entries()) {
    signal?.throwIfAborted();
    tensors.set(await readTensor(dir, file, contract, signal), at * floats);
  }
  return tensors;
}

/** The validation part by the int8 file, in its order. */
async function scoresOf(options: QuantiseOptions, file: Uint8Array): Promise<readonly ImageScore[]> {
  const { validation, classes } = options;
  const classifier = await loadOnnx(file);
  try {
    const scores: ImageScore[] = [];
    for (let start = 0; start < validation.length; start += BATCH) {
      const images = validation.slice(start, start + BATCH);
      const rows = await classifier.predict(await tensorsOf(options, images), images.length);
      const width = rows.length / images.length;
      for (const [at, image] of images.entries()) {
        const row = rows.subarray(at * width, (at + 1) * width);
        scores.push({ ...image, probabilities: byLabel(classes.labels, row) });
      }
    }
    return scores;
  } finally {
    await classifier.dispose();
  }
}

type Counts = Pick<Int8Record, 'images' | 'calibrationImages'>;

function judge(
  options: QuantiseOptions,
  scores: readonly ImageScore[],
  counts: Counts & { readonly bytes: number },
): Int8Record {
  const { validation, classes } = options;
  const differences = differencesOf(validation, scores, classes.labels);
  if (!differences.every(Number.isFinite))
    return refused(options, counts, 'a probability is not a finite number');
  const largestDifference = differences.reduce((most, difference) => Math.max(most, difference), 0);
  const meanDifference = differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
  const found = { ...counts, largestDifference, meanDifference };
  const [aucRocFp32, aucRocInt8] = [aucOf(options, validation), aucOf(options, scores)];
  if (!Number.isFinite(aucRocFp32) || !Number.isFinite(aucRocInt8)) {
    return refused(
      options,
      found,
      'without both classes in the validation part nobody can say what it costs',
    );
  }
  const deltaAucRoc = aucRocFp32 - aucRocInt8;
  const kept = deltaAucRoc <= MAX_DELTA_AUC && meanDifference <= MAX_MEAN_DIFFERENCE;
  const reason = sentenceOf(deltaAucRoc, meanDifference);
  return { ...refused(options, found, reason), kept, aucRocFp32, aucRocInt8, deltaAucRoc };
}

function sentenceOf(deltaAucRoc: number, meanDifference: number): string {
  const change = deltaAucRoc > 0 ? `loses ${deltaAucRoc.toFixed(4)} of AUC` : 'loses no AUC';
  const auc = `int8 ${change} on validation (at most ${MAX_DELTA_AUC})`;
  return `${auc}; probabilities differ by ${meanDifference.toFixed(4)} on average (at most ${MAX_MEAN_DIFFERENCE})`;
}

/** What is not in `found` was not found out, for this reason. */
function refused(options: QuantiseOptions, found: Counts & Partial<Int8Record>, reason: string): Int8Record {
  const none = { notDefined: reason };
  return {
    kept: false,
    reason,
    level: levelOf(options),
    aucRocFp32: none,
    aucRocInt8: none,
    deltaAucRoc: none,
    maxDeltaAucRoc: MAX_DELTA_AUC,
    largestDifference: none,
    meanDifference: none,
    maxMeanDifference: MAX_MEAN_DIFFERENCE,
    bytes: none,
    ...found,
  };
}

function differencesOf(
  fp32: readonly ImageScore[],
  int8: readonly ImageScore[],
  labels: readonly string[],
): readonly number[] {
  return fp32.flatMap(({ probabilities }, at) =>
    labels.map((label) =>
      Math.abs((probabilities[label] ?? Number.NaN) - (int8[at]?.probabilities[label] ?? Number.NaN)),
    ),
  );
}

/** NaN where only one class occurs. */
function aucOf(options: QuantiseOptions, scores: readonly ImageScore[]): number {
  const { classes, aggregation = DEFAULT_AGGREGATION } = options;
  const { positiveLabel } = classes;
  const samples = samplesAt(levelOf(options), scores, aggregation, classes);
  return aucRoc(
    samples.map(({ probabilities }) => probabilities[positiveLabel] ?? Number.NaN),
    samples.map(({ label }) => label === positiveLabel),
  );
}

function levelOf({ validation }: QuantiseOptions): Int8Record['level'] {
  return new Set(validation.map(({ unit }) => unit)).size < validation.length ? 'unit' : 'image';
}
