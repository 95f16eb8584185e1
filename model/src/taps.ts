import { MIN_INPUT_SIZE, STAGES, type ConvName, type Stage } from './vgg16.ts';

/** The first trainable layer: only the new head, or VGG16 from this convolution on. */
export type Cut = 'head' | ConvName;

/** A layer whose map is pooled into the feature vector. */
export type Tap = ConvName | 'block5_pool' | 'pixels';

/** What is kept of each map: its global average, or its average and its maximum. */
type Pooling = 'avg' | 'avg-max';

/** Which numbers of the network make an image's features. */
export interface FeatureOptions {
  /** Layers whose maps are pooled, in this order; default `block5_pool`. Layers behind the deepest are not computed. */
  readonly taps?: readonly Tap[];
  /** Default `avg`. */
  readonly pooling?: Pooling;
}

export interface NetworkOptions extends FeatureOptions {
  /** Side of the square image in pixels, 32 or more. */
  readonly inputSize: number;
  readonly cut: Cut;
  /** 4: the mean over an image and its mirrored ones, with cut `head` only; default 1. */
  readonly views?: 1 | 4;
}

/** Where a network is divided: the stages before its cut, those from there to its deepest tap, and what is pooled. */
export interface Division {
  readonly before: readonly Stage[];
  readonly after: readonly Stage[];
  readonly taps: readonly Tap[];
  readonly pooling: Pooling;
  readonly views: 1 | 4;
}

/**
 * The lengths of the parts of a feature vector, in its order: for each tap the channels of its average, and then of
 * its maximum where both are kept.
 */
export function featureGroups({ taps = DEFAULT_TAPS, pooling = 'avg' }: FeatureOptions): readonly number[] {
  return taps.flatMap((tap) => {
    const channels = STAGES[depthOf(tap)]?.channels ?? 0;
    return pooling === 'avg' ? [channels] : [channels, channels];
  });
}

/** @throws RangeError for options that make no network: says which */
export function divide({
  inputSize,
  cut,
  taps = DEFAULT_TAPS,
  pooling = 'avg',
  views = 1,
}: NetworkOptions): Division {
  if (!Number.isInteger(inputSize) || inputSize < MIN_INPUT_SIZE) {
    throw new RangeError(`inputSize is ${inputSize}; VGG16 needs a whole number from ${MIN_INPUT_SIZE} up`);
  }
  if (taps.length === 0 || new Set(taps).size < taps.length) {
    throw new RangeError(`taps are [${taps.join(', ')}]; there is at least one, and each only once`);
  }
  const deepest = Math.max(...taps.map((tap) => depthOf(tap)));
  if (cut === 'head') return { before: STAGES.slice(0, deepest + 1), after: [], taps, pooling, views };
  const first = depthOf(cut);
  const early = taps.find((tap) => depthOf(tap) < first);
  if (early !== undefined) {
    throw new RangeError(
      `tap ${early} lies before the cut at ${cut}; pool layers that are trained, or cut earlier`,
    );
  }
  if (views !== 1) throw new RangeError(`${views} views need the cut head, not ${cut}`);
  return { before: STAGES.slice(0, first), after: STAGES.slice(first, deepest + 1), taps, pooling, views };
}

const DEFAULT_TAPS: readonly Tap[] = ['block5_pool'];

function depthOf(name: Tap): number {
  if (name === 'pixels') throw new RangeError('the tap pixels is not supported yet');
  const depth = STAGES.findIndex((stage) => stage.name === name);
  if (depth < 0) throw new RangeError(`VGG16 has no layer ${name}`);
  return depth;
}
