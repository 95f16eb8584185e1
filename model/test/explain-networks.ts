/** The networks that explanations are tried on. */
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { defaultContract } from '@hilum/imaging';
import type * as tfjs from '@tensorflow/tfjs-node';
import {
  BASE_WEIGHTS_SHA256,
  buildFrozen,
  buildTail,
  featureGroups,
  fitNormaliser,
  joinModel,
  readBaseWeights,
  readHead,
  writePackage,
  type Cut,
  type Head,
  type PackageInfo,
  type Tap,
  type Tf,
} from '../src/index.ts';
import { reference, type Reference } from './explain-reference.ts';
import { takeSides, textures } from './fixture.ts';

export interface Shape {
  readonly what: string;
  readonly inputSize: number;
  readonly cut?: Cut;
  readonly taps?: readonly Tap[];
  readonly pooling?: 'avg' | 'avg-max';
  readonly views?: 1 | 4;
  readonly headUnits: number;
  readonly normalised?: boolean;
  /** The layer whose output goes into normaliser or head. */
  readonly features: string;
  readonly layer: string;
}

export const SHAPES: readonly Shape[] = [
  { what: 'VGG16 as it is', inputSize: 64, headUnits: 16, features: 'block5_pool_avg', layer: 'block5_pool' },
  { what: 'a linear head', inputSize: 64, headUnits: 0, features: 'block5_pool_avg', layer: 'block5_pool' },
  {
    what: 'several taps, averages and maxima, pixels, ranks, and the deepest not last',
    inputSize: 64,
    taps: ['block4_conv3', 'block3_conv1', 'pixels'],
    pooling: 'avg-max',
    headUnits: 24,
    normalised: true,
    features: 'with_pixels',
    layer: 'block4_conv3',
  },
  {
    what: 'mirrored views by ranks',
    inputSize: 64,
    taps: ['block3_conv3', 'block5_conv3'],
    pooling: 'avg-max',
    views: 4,
    headUnits: 0,
    normalised: true,
    features: 'mean_over_views',
    layer: 'block5_conv3',
  },
  {
    what: 'mirrored views of an input that the pools do not divide',
    inputSize: 80,
    views: 4,
    headUnits: 8,
    features: 'mean_over_views',
    layer: 'block5_pool',
  },
  {
    what: 'trained from block 5 on',
    inputSize: 80,
    cut: 'block5_conv2',
    taps: ['block5_conv3', 'block5_pool'],
    pooling: 'avg-max',
    headUnits: 16,
    features: 'pooled',
    layer: 'block5_pool',
  },
];

export interface Network {
  readonly info: PackageInfo;
  readonly head: Head;
  readonly model: tfjs.LayersModel;
  readonly image: Float32Array;
  readonly of: (label: number, image?: Float32Array) => Reference;
}

export const ALONE = { what: '', inputSize: 64, headUnits: 0, features: '', layer: '' } satisfies Shape;

/** Packaged in a folder of its own. */
export async function network(tf: Tf, dir: string, shape: Shape): Promise<Network> {
  const { model, image } = await built(tf, shape);
  const place = join(dir, shape.what.replaceAll(/\W/g, '-'));
  const info = await writePackage(place, tf, model, metadata(shape.inputSize));
  return {
    info,
    model,
    image,
    head: await readHead(info),
    of: (label, other = image) =>
      reference(tf, model, other, { layer: shape.layer, features: shape.features, label }),
  };
}

export async function built(tf: Tf, shape: Shape): Promise<{ model: tfjs.LayersModel; image: Float32Array }> {
  const { inputSize, cut = 'head', taps, pooling, views, headUnits, normalised } = shape;
  const weights = await readBaseWeights(await baseWeightsPath());
  const options = {
    inputSize,
    cut,
    ...(taps === undefined ? {} : { taps }),
    ...(pooling === undefined ? {} : { pooling }),
    ...(views === undefined ? {} : { views }),
  };
  const images = textures(tf, 12, inputSize);
  const frozen = buildFrozen(tf, weights, options);
  const features = tf.tidy(
    () => frozen.predict(tf.tensor4d(images, [12, inputSize, inputSize, 3]), { batchSize: 4 }) as tfjs.Tensor,
  );
  const normaliser =
    normalised === true
      ? fitNormaliser(features.dataSync<'float32'>(), featureGroups(options), 21)
      : undefined;
  const tail = buildTail(tf, weights, {
    ...options,
    classes: 3,
    headUnits,
    dropout: 0,
    seed: 7,
    ...(normaliser === undefined ? {} : { normaliser }),
  });
  takeSides(tf, tail, features);
  const model = joinModel(tf, frozen, tail);
  for (const part of [frozen, tail, features]) part.dispose();
  // One that the normaliser was not fitted on, so that no value lies on a knot.
  return { model, image: textures(tf, 1, inputSize, 77) };
}

export function metadata(inputSize: number) {
  return {
    labels: ['benign', 'malignant', 'normal'],
    positiveLabel: 'malignant',
    contract: defaultContract('hu', inputSize),
    metrics: {},
    baseWeightsSha256: BASE_WEIGHTS_SHA256,
    createdAt: '2026-01-02T03:04:05.000Z',
  };
}
