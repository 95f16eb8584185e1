import { PIXEL_STATISTICS } from './pixels/statistics.ts';
import { MIN_INPUT_SIZE, STAGES, type ConvName, type Stage } from './vgg16.ts';

/** The first trainable layer: only the new head, or VGG16 from this convolution on. */
export type Cut = 'head' | ConvName;

/** A layer whose map is pooled into the feature vector; or `pixels`, statistics of the image itself. */
export type Tap = Layer | 'pixels';

type Layer = ConvName | 'block5_pool';

/** What is kept of each map: its global average, or its average and its maximum. */
type Pooling = 'avg' | 'avg-max';

/** Which numbers of the network make an image's features. */
export interface FeatureOptions {
  /**
   * Layers whose maps are pooled, in this order, and last, wherever it stands, `pixels`; default `block5_pool`. Layers
   * behind the deepest are not computed: with `pixels` alone none is.
   */
  readonly taps?: readonly Tap[];
  /** Of maps; default `avg`. */
  readonly pooling?: Pooling;
}

export interface NetworkOptions extends FeatureOptions {
  /** Side of the square image in pixels, 32 or more. */
  readonly inputSize: number;
  readonly cut: Cut;
  /** 4: the mean over an image and its mirrored ones, with cut `head` only; default 1. `pixels` are of the image alone. */
  readonly views?: 1 | 4;
}

/** Where a network is divided: the stages before its cut, those from there to its deepest tap, and what is pooled. */
export interface Division {
  readonly before: readonly Stage[];
  readonly after: readonly Stage[];
  readonly taps: readonly Layer[];
  readonly pixels: boolean;
  readonly pooling: Pooling;
  readonly views: 1 | 4;
}

/** Neighbouring features of one kind. */
export interface FeatureGroup {
  /** How many. */
  readonly length: number;
  /** Of the variance of all features after a normaliser; those of all groups sum to 1. */
  readonly share: number;
  /** Whether they have one scale: then what is tiny beside the largest of them is rounding. */
  readonly alike: boolean;
}

/**
 * The parts of a feature vector, in its order: for each tap the channels of its average, and then of its maximum where
 * both are kept; `pixels` last. Shares are equal, but `pixels` beside others have two thirds.
 */
export function featureGroups({
  taps = DEFAULT_TAPS,
  pooling = 'avg',
}: FeatureOptions): readonly FeatureGroup[] {
  const lengths = layersOf(taps).flatMap((tap) => {
    const channels = STAGES[depthOf(tap)]?.channels ?? 0;
    return pooling === 'avg' ? [channels] : [channels, channels];
  });
  const hasPixels = taps.includes('pixels');
  const left = hasPixels && lengths.length > 0 ? 1 - PIXELS_SHARE : 1;
  const maps = lengths.map((length) => ({ length, share: left / lengths.length, alike: true }));
  if (!hasPixels) return maps;
  const share = maps.length === 0 ? 1 : PIXELS_SHARE;
  return [...maps, { length: PIXEL_STATISTICS.length, share, alike: false }];
}

/** With equal shares a thousand numbers of VGG16 drown what 32 say of a nodule better: docs/network.md. */
const PIXELS_SHARE = 2 / 3;

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
  const layers = layersOf(taps);
  const common = { taps: layers, pixels: layers.length < taps.length, pooling, views };
  const end = Math.max(-1, ...layers.map((tap) => depthOf(tap))) + 1;
  if (cut === 'head') return { ...common, before: STAGES.slice(0, end), after: [] };
  if (common.pixels)
    throw new RangeError(`the tap pixels needs the cut head, not ${cut}: nothing of it is trained`);
  const first = depthOf(cut);
  const early = layers.find((tap) => depthOf(tap) < first);
  if (early !== undefined) {
    throw new RangeError(
      `tap ${early} lies before the cut at ${cut}; pool layers that are trained, or cut earlier`,
    );
  }
  if (views !== 1) throw new RangeError(`${views} views need the cut head, not ${cut}`);
  return { ...common, before: STAGES.slice(0, first), after: STAGES.slice(first, end) };
}

const DEFAULT_TAPS: readonly Tap[] = ['block5_pool'];

function layersOf(taps: readonly Tap[]): readonly Layer[] {
  return taps.filter((tap) => tap !== 'pixels');
}

function depthOf(name: Layer): number {
  const depth = STAGES.findIndex((stage) => stage.name === name);
  if (depth < 0) throw new RangeError(`VGG16 has no layer ${name}`);
  return depth;
}
