import { normaliseRows, slopesAt } from '../normaliser.ts';
import type { Dense, Head } from './head.ts';

/** What the head computes on its way, kept for the way back. */
interface Pass {
  readonly features: Float32Array;
  /** The sums of each dense layer, before its ReLU. */
  readonly sums: readonly Float64Array[];
  readonly logits: Float64Array;
}

/** Features of one image → logits, in float64. */
export function forward({ normaliser, dense }: Head, features: Float32Array): Pass {
  const sums: Float64Array[] = [];
  let values: Float64Array = Float64Array.from(
    normaliser === undefined ? features : normaliseRows(normaliser, features),
  );
  for (const [index, layer] of dense.entries()) {
    if (index > 0) values = values.map((value) => Math.max(0, value));
    values = sumsOf(layer, values);
    sums.push(values);
  }
  return { features, sums, logits: values };
}

/**
 * d logit / d feature, for all features: back through the dense layers, their ReLU, and the normaliser, of whose functions
 * the slope about the value is taken (`slopesAt`).
 *
 * @throws RangeError where there is no such label
 */
export function backward(
  { normaliser, dense }: Head,
  { features, sums, logits }: Pass,
  label: number,
): Float64Array {
  if (!(label in logits)) throw new RangeError(`there is no label ${label} of ${logits.length}`);
  let gradient: Float64Array = Float64Array.from(logits, (_, at) => (at === label ? 1 : 0));
  for (const [index, layer] of [...dense.entries()].toReversed()) {
    gradient = toInputs(layer, gradient);
    const below = sums[index - 1];
    if (below !== undefined) gradient = gradient.map((value, at) => ((below[at] ?? 0) > 0 ? value : 0));
  }
  if (normaliser === undefined) return gradient;
  const slopes = slopesAt(normaliser, features);
  return gradient.map((value, at) => value * (slopes[at] ?? 0));
}

function sumsOf({ inputs, outputs, kernel, bias }: Dense, values: Float64Array): Float64Array {
  const sums = Float64Array.from(bias);
  for (let input = 0; input < inputs; input += 1) {
    const value = values[input] ?? 0;
    const from = input * outputs;
    for (let output = 0; output < outputs; output += 1) {
      sums[output] = (sums[output] ?? 0) + value * (kernel[from + output] ?? 0);
    }
  }
  return sums;
}

function toInputs({ inputs, outputs, kernel }: Dense, gradient: Float64Array): Float64Array {
  const result = new Float64Array(inputs);
  for (let input = 0; input < inputs; input += 1) {
    let sum = 0;
    for (let output = 0; output < outputs; output += 1) {
      sum += (kernel[input * outputs + output] ?? 0) * (gradient[output] ?? 0);
    }
    result[input] = sum;
  }
  return result;
}
