import { join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import { PackageError } from '../errors.ts';
import type { Activations } from '../explain/activations.ts';
import { customLayers } from '../layers/custom.ts';
import { VIEWS } from '../layers/views.ts';
import { FILES, type PackageInfo } from './metadata.ts';
import { openPackage } from './open.ts';
import { tappedModel, type TappedModel } from './tapped.ts';

/** A model that is loaded and answers. */
export interface Classifier {
  readonly info: PackageInfo;
  /**
   * Blocks until the answer is there.
   *
   * @param batch `n * s * s * 3` values: images one after the other, as `toTensor` of imaging makes them
   * @returns `n * labels` probabilities; those of one image sum to 1
   */
  predict(batch: Float32Array, n: number): Float32Array;
  /**
   * As `predict`, with what Grad-CAM needs of the same pass.
   *
   * @throws PackageError LAYER_UNSUPPORTED where the network pools no maps
   */
  explain(
    batch: Float32Array,
    n: number,
  ): { readonly probabilities: Float32Array; readonly activations: Activations };
  /** Runs one empty image, so that the first real one does not pay for TensorFlow's start. */
  warmUp(): void;
  /** Frees the model's memory. A second call does nothing. */
  dispose(): void;
}

/**
 * Opens, verifies and loads a package.
 *
 * @param isVerified as `openPackage`
 * @throws PackageError as `openPackage`, and PACKAGE_INVALID where its network does not fit its labels and contract
 */
export async function loadClassifier(
  tf: Tf,
  dir: string,
  options: { readonly isVerified?: boolean } = {},
): Promise<Classifier> {
  const info = await openPackage(dir, options);
  const model = await load(tf, info);
  const { inputSize } = info.contract;
  const hasViews = model.layers.some((layer) => layer.getClassName() === 'MirroredViews');
  const batchSize = hasViews ? BATCH / VIEWS : BATCH;
  let disposed = false;
  let tapped: TappedModel | undefined;
  const check = (batch: Float32Array, n: number): void => {
    if (disposed) throw new Error('this classifier was disposed');
    if (!Number.isInteger(n) || n < 1 || batch.length !== n * inputSize * inputSize * 3) {
      throw new RangeError(`${batch.length} values are not ${n} images of ${inputSize}x${inputSize}x3`);
    }
  };
  const predict = (batch: Float32Array, n: number): Float32Array => {
    check(batch, n);
    const output = tf.tidy(
      () => model.predict(tf.tensor4d(batch, [n, inputSize, inputSize, 3]), { batchSize }) as tfjs.Tensor,
    );
    // Outside of tidy, which would look for tensors in the result, one number after the other.
    const probabilities = output.dataSync<'float32'>();
    output.dispose();
    return probabilities;
  };
  return {
    info,
    predict,
    explain: (batch, n) => {
      check(batch, n);
      tapped ??= tappedModel(tf, model);
      return explained(tf, tapped, tf.tensor4d(batch, [n, inputSize, inputSize, 3]));
    },
    warmUp: () => void predict(new Float32Array(inputSize * inputSize * 3), 1),
    dispose: () => {
      if (!disposed) model.dispose();
      disposed = true;
    },
  };
}

/** In one batch: of views, TensorFlow would put those of each batch together, and not those of the whole. */
function explained(
  tf: Tf,
  { model, views }: TappedModel,
  images: tfjs.Tensor4D,
): ReturnType<Classifier['explain']> {
  const results = tf.tidy(() => {
    const [probabilities, features, maps] = model.predict(images, {
      batchSize: images.shape[0],
    }) as tfjs.Tensor[];
    if (probabilities === undefined || features === undefined || maps === undefined) {
      throw new RangeError('the network lacks an output');
    }
    return { probabilities, features, maps: tf.transpose(maps, [0, 3, 1, 2]) };
  });
  images.dispose();
  const [, channels = 0, side = 0] = results.maps.shape;
  return {
    probabilities: values(results.probabilities),
    activations: { features: values(results.features), maps: values(results.maps), channels, side, views },
  };
}

/** A copy: TensorFlow's own memory cannot move to another thread. */
function values(tensor: tfjs.Tensor): Float32Array {
  const floats = tensor.dataSync<'float32'>().slice();
  tensor.dispose();
  return floats;
}

/** Images that go through the network at once, views counted: more need more memory and are no faster. */
const BATCH = 32;

async function load(tf: Tf, info: PackageInfo): Promise<tfjs.LayersModel> {
  customLayers(tf); // known from here on to tfjs' loader
  const model = await tf.loadLayersModel(`file://${join(info.dir, FILES.tfjs)}`).catch((cause: unknown) => {
    throw new PackageError('PACKAGE_INVALID', `${FILES.tfjs} of ${info.dir} is not a tfjs layers model`, {
      cause,
    });
  });
  const { inputSize } = info.contract;
  const want = JSON.stringify([
    [null, inputSize, inputSize, 3],
    [null, info.labels.length],
  ]);
  const have = JSON.stringify([model.inputs[0]?.shape, model.outputs[0]?.shape]);
  if (have === want) return model;
  model.dispose();
  throw new PackageError(
    'PACKAGE_INVALID',
    `the network of ${info.dir} is ${have}; its contract and labels say ${want}`,
  );
}
