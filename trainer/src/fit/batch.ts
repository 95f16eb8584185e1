/** Batches of features through the tail: one training step, and probabilities. */
import { logitsOf, type Tf } from '@hilum/model';
import type { FitRecipe } from '../recipe.ts';
import type { LayersModel, Tensor, Variable } from '../tensors.ts';

/** Rows of the images with these indices, one after the other; copy 0 is the image itself, others are changed copies. */
export interface FeatureRows {
  readonly rows: (indices: ArrayLike<number>, copy?: number) => Float32Array;
}

export interface Learner {
  readonly tf: Tf;
  readonly tail: LayersModel;
  readonly features: FeatureRows;
  /** Class of every image of the dataset. */
  readonly classes: ArrayLike<number>;
  readonly classCount: number;
}

/**
 * The loss of one batch and its gradients. Only the tail's own variables are in the tape, never what lies before it.
 *
 * @param weights of every image of the dataset
 * @returns gradients in the order of `variables`; the caller disposes them
 */
export function lossAndGradients(
  learner: Learner,
  batch: ArrayLike<number>,
  {
    copy,
    weights,
    variables,
  }: { readonly copy: number; readonly weights: Float32Array; readonly variables: readonly Variable[] },
): { readonly loss: number; readonly gradients: readonly Tensor[] } {
  const { tf, tail, classCount } = learner;
  const { value, grads } = tf.tidy(() => {
    const x = inputOf(learner, batch, copy);
    const labels = Int32Array.from(batch, (index) => learner.classes[index] ?? 0);
    const classes = tf.tensor1d(labels, 'int32');
    const sampleWeights = tf.tensor1d(Float32Array.from(batch, (index) => weights[index] ?? 0));
    return tf.variableGrads(() => {
      // Of the logits: a probability that has become 0 has no gradient, and its image would never be learned.
      const logarithms = tf.logSoftmax(logitsOf(tf, tail).apply(x, { training: true }) as Tensor);
      const chosen = tf.sum(tf.mul(tf.oneHot(classes, classCount), logarithms), -1);
      return tf.mean(tf.mul(tf.neg(chosen), sampleWeights)).asScalar();
    }, [...variables]);
  });
  const loss = value.dataSync()[0] ?? Number.NaN;
  value.dispose();
  return { loss, gradients: variables.map((variable) => grads[variable.name] ?? tf.zerosLike(variable)) };
}

/** Probabilities of the images with these indices, one row each. */
export async function predictRows(
  options: Omit<Learner, 'classes' | 'classCount'> &
    Pick<FitRecipe, 'batchSize'> & { readonly signal?: AbortSignal },
  indices: readonly number[],
): Promise<readonly (readonly number[])[]> {
  const { tf, tail, batchSize } = options;
  const rows: number[][] = [];
  for (let start = 0; start < indices.length; start += batchSize) {
    options.signal?.throwIfAborted();
    const batch = indices.slice(start, start + batchSize);
    const output = tf.tidy(
      () => tail.predict(inputOf(options, batch, 0), { batchSize: batch.length }) as Tensor,
    );
    const values = await output.data();
    output.dispose();
    const width = values.length / batch.length;
    for (let at = 0; at < batch.length; at += 1)
      rows.push(Array.from(values.subarray(at * width, (at + 1) * width)));
  }
  return rows;
}

/** Of a row of probabilities and its class. */
export function crossEntropy(row: readonly number[], label: number): number {
  return -Math.log(Math.max(row[label] ?? 0, LEAST));
}

/** Near the smallest float32: what a softmax has rounded to 0 still counts as a finite 69 nats. */
const LEAST = 1e-30;

function inputOf(
  { tf, tail, features }: Pick<Learner, 'tf' | 'tail' | 'features'>,
  batch: ArrayLike<number>,
  copy: number,
): Tensor {
  const shape = [batch.length, ...(tail.inputs[0]?.shape.slice(1) ?? [])].map(Number);
  return tf.tensor(features.rows(batch, copy), shape);
}
