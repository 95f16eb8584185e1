import type { HeatMap } from '@hilum/imaging';
import type { Activations } from './activations.ts';
import { backward, forward } from './gradient.ts';
import type { Head } from './head.ts';
import { joinViews } from './views.ts';

/** Where in the input the layer saw what speaks for a label. */
export interface GradCam {
  /**
   * Over the whole input tensor, 0 to 1 at the place of the most weight; all 0 where no place speaks for the label.
   */
  readonly heat: HeatMap;
  /** No place speaks for the label: the map says nothing, which is not the same as an even one. */
  readonly empty: boolean;
  /** The weight of each channel of one view: the mean over its places of d logit / d activation. */
  readonly weights: Float64Array;
  /** What the head makes of the features, in the package's order: those of the answer, if both are of one image. */
  readonly probabilities: Float64Array;
}

/**
 * Grad-CAM (Selvaraju et al., ICCV 2017) of one image: `relu(Σ α_k A_k)`, with A_k the maps of the head's layer and α_k
 * the mean over all places of d y / d A_k, where y is the label's logit. That mean is the gradient of the k-th average
 * over the places of a map and, for a pooled maximum, its gradient over them as well: which place held the maximum is
 * not kept. Mirrored views are turned back and averaged before the ReLU.
 *
 * In plain JavaScript: the head is a few matrices, and the maps come with the answer.
 *
 * @param activations of one image
 * @param label by its place in the package's order
 * @throws RangeError where these are not of this head, or there is no such label
 */
export function gradCam(head: Head, activations: Activations, label: number): GradCam {
  assertFits(head, activations);
  const pass = forward(head, activations.features);
  const weights = channelWeights(head, backward(head, pass, label));
  const { heat, most } = scaled(joinViews(head, viewMaps(head, weights, activations.maps)));
  return { heat, empty: most === 0, weights, probabilities: softmax(pass.logits) };
}

function assertFits(head: Head, { features, maps, channels, side, views }: Activations): void {
  const width = head.parts.reduce((sum, { length }) => sum + length, 0);
  const want = [width, views * channels * side * side, head.channels, head.side, head.views];
  const have = [features.length, maps.length, channels, side, views];
  if (want.every((value, at) => value === have[at])) return;
  throw new RangeError(
    `activations of ${have.join(', ')} are not those of ${head.layer}: ${want.join(', ')}`,
  );
}

/** Of each channel of the layer, in one view. */
function channelWeights(head: Head, gradient: Float64Array): Float64Array {
  const { parts, layer, channels, side, views } = head;
  const weights = new Float64Array(channels);
  let start = 0;
  for (const part of parts) {
    for (let channel = 0; part.layer === layer && channel < channels; channel += 1) {
      const slope = (gradient[start + channel] ?? 0) * (part.factors?.[channel] ?? 1);
      weights[channel] = (weights[channel] ?? 0) + slope / (side * side * views);
    }
    start += part.length;
  }
  return weights;
}

/** Σ α_k A_k of each view, not yet without its negative values. */
function viewMaps(
  { channels, side, views }: Head,
  weights: Float64Array,
  maps: Float32Array,
): Float64Array[] {
  const places = side * side;
  return Array.from({ length: views }, (_, view) => {
    const sum = new Float64Array(places);
    for (let channel = 0; channel < channels; channel += 1) {
      const weight = weights[channel] ?? 0;
      const from = (view * channels + channel) * places;
      for (let at = 0; at < places; at += 1) sum[at] = (sum[at] ?? 0) + weight * (maps[from + at] ?? 0);
    }
    return sum;
  });
}

function scaled({ rows, columns, values }: { rows: number; columns: number; values: Float64Array }) {
  const most = values.reduce((max, value) => Math.max(max, value), 0);
  const heat = Float32Array.from(values, (value) => (most > 0 ? Math.max(0, value) / most : 0));
  return { heat: { rows, columns, values: heat }, most };
}

function softmax(logits: Float64Array): Float64Array {
  const largest = logits.reduce((max, value) => Math.max(max, value), -Infinity);
  const powers = logits.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}
