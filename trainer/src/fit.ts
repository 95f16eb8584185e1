/** The training loop: the trainable tail over cached features, the best epoch kept. */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Tf } from '@hilum/model';
import type { Features } from './features/extract.ts';
import { accuracy, aucRoc } from './metrics.ts';
import { seededRandom, shuffled } from './random.ts';
import type { LayersModel, Tensor, Variable } from './tensors.ts';

export interface Epoch {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Mean class-weighted cross-entropy of the training batches, as they were met. */
  readonly loss: number;
  /** Mean cross-entropy on the validation part, unweighted. */
  readonly valLoss: number;
  readonly valAccuracy: number;
  readonly valAucRoc: number;
  /** Training images a second. */
  readonly imagesPerSecond: number;
}

export interface FitOptions {
  readonly tf: Tf;
  /** Features → probabilities; its weights are changed. */
  readonly tail: LayersModel;
  readonly features: Features;
  /** Class of every image of the dataset. */
  readonly classes: ArrayLike<number>;
  readonly classCount: number;
  readonly positiveClass: number;
  /** Indices of images. */
  readonly train: readonly number[];
  readonly validation: readonly number[];
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly seed: number;
  /** Milliseconds; for the speed only, never for a decision. */
  readonly now: () => number;
  readonly signal?: AbortSignal;
  readonly onEpoch?: (epoch: Epoch) => Promise<void> | void;
}

/**
 * Trains, and leaves the tail with the weights of the epoch that has the best validation AUC-ROC; of equal ones,
 * the one with the lower validation loss, since a small validation part is soon ranked without error.
 *
 * The same seed, features and machine give the same weights.
 *
 * @returns the epoch whose weights were kept
 */
export async function fit(options: FitOptions): Promise<Epoch> {
  const { tf, tail } = options;
  const optimizer = tf.train.adam(options.learningRate);
  const weights = classWeights(options);
  let best: Epoch | undefined;
  let kept: readonly Tensor[] = [];
  try {
    for (let epoch = 1; epoch <= options.epochs; epoch += 1) {
      const started = options.now();
      const loss = await trainEpoch(options, optimizer, weights, epoch);
      const seconds = Math.max(1, options.now() - started) / 1000;
      const measured = await validate(options);
      const done = {
        epoch,
        epochs: options.epochs,
        loss,
        ...measured,
        imagesPerSecond: options.train.length / seconds,
      };
      if (best === undefined || isBetter(done, best)) {
        best = done;
        tf.dispose([...kept]);
        kept = tail.getWeights().map((tensor) => tensor.clone());
      }
      await options.onEpoch?.(done);
    }
    if (best === undefined) throw new RangeError('at least one epoch is needed');
    tail.setWeights([...kept]);
    return best;
  } finally {
    tf.dispose([...kept]);
    optimizer.dispose();
  }
}

function isBetter(epoch: Epoch, best: Epoch): boolean {
  if (epoch.valAucRoc !== best.valAucRoc) return epoch.valAucRoc > best.valAucRoc;
  return epoch.valLoss < best.valLoss;
}

/** Rare classes weigh more, so that every class has the same say: n / (classes * n of the class). */
function classWeights({ train, classes, classCount }: FitOptions): Float32Array {
  const counts = new Float32Array(classCount);
  for (const index of train) {
    const label = classes[index] ?? 0;
    counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts.map((count) => train.length / (classCount * count));
}

async function trainEpoch(
  options: FitOptions,
  optimizer: ReturnType<Tf['train']['adam']>,
  weights: Float32Array,
  epoch: number,
): Promise<number> {
  const { tf, tail, train, batchSize } = options;
  const order = shuffled(train.length, seededRandom('shuffle', options.seed, epoch));
  let sum = 0;
  for (let start = 0; start < order.length; start += batchSize) {
    options.signal?.throwIfAborted();
    const batch = Int32Array.from(order.subarray(start, start + batchSize), (at) => train[at] ?? 0);
    const loss = tf.tidy(() => {
      const { x, classes } = tensorsOf(options, batch);
      const sampleWeights = tf.gather(tf.tensor1d(weights), classes);
      const cost = optimizer.minimize(
        () => {
          const probabilities = tail.apply(x, { training: true }) as Tensor;
          return tf.mean(tf.mul(crossEntropy(tf, probabilities, classes, options.classCount), sampleWeights));
        },
        true,
        tail.trainableWeights.map((weight) => weight.read() as Variable),
      );
      if (cost === null) throw new TypeError('minimize was asked for the cost');
      return cost.dataSync()[0] ?? Number.NaN;
    });
    sum += loss * batch.length;
    await breathe(); // signals and sockets get their turn between steps
  }
  return sum / order.length;
}

async function validate(options: FitOptions): Promise<Pick<Epoch, 'valLoss' | 'valAccuracy' | 'valAucRoc'>> {
  const { validation, positiveClass } = options;
  const rows = await predictRows(options, validation);
  const classes = validation.map((index) => options.classes[index] ?? 0);
  const losses = rows.map((row, at) => -Math.log(Math.max(row[classes[at] ?? 0] ?? 0, EPSILON)));
  return {
    valLoss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    valAccuracy: accuracy(rows, classes),
    valAucRoc: aucRoc(
      rows.map((row) => row[positiveClass] ?? 0),
      classes.map((label) => label === positiveClass),
    ),
  };
}

/** Probabilities of the images with these indices, one row each. */
export async function predictRows(
  options: Pick<FitOptions, 'tf' | 'tail' | 'features' | 'classes' | 'batchSize' | 'signal'>,
  indices: readonly number[],
): Promise<readonly (readonly number[])[]> {
  const { tf, tail, batchSize } = options;
  const rows: number[][] = [];
  for (let start = 0; start < indices.length; start += batchSize) {
    options.signal?.throwIfAborted();
    const batch = indices.slice(start, start + batchSize);
    const output = tf.tidy(
      () => tail.predict(tensorsOf(options, batch).x, { batchSize: batch.length }) as Tensor,
    );
    const values = await output.data();
    output.dispose();
    const width = values.length / batch.length;
    for (let at = 0; at < batch.length; at += 1)
      rows.push(Array.from(values.subarray(at * width, (at + 1) * width)));
  }
  return rows;
}

function tensorsOf(
  { tf, tail, features, classes }: Pick<FitOptions, 'tf' | 'tail' | 'features' | 'classes'>,
  batch: ArrayLike<number>,
): { readonly x: Tensor; readonly classes: ReturnType<Tf['tensor1d']> } {
  const shape = [batch.length, ...(tail.inputs[0]?.shape.slice(1) ?? [])].map(Number);
  const labels = Int32Array.from({ length: batch.length }, (_, at) => classes[batch[at] ?? 0] ?? 0);
  return { x: tf.tensor(features.rows(batch), shape), classes: tf.tensor1d(labels, 'int32') };
}

// fp32: below it the logarithm of a probability of zero would be infinite.
const EPSILON = 1e-7;

function crossEntropy(
  tf: Tf,
  probabilities: Tensor,
  classes: ReturnType<Tf['tensor1d']>,
  classCount: number,
): Tensor {
  const chosen = tf.sum(tf.mul(tf.oneHot(classes, classCount), probabilities), -1);
  return tf.neg(tf.log(tf.clipByValue(chosen, EPSILON, 1)));
}
