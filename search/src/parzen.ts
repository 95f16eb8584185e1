/**
 * The estimator of the tree-structured Parzen estimator: one kernel for every trial and one, the prior, for the whole
 * line (Bergstra et al., NIPS 2011; Watanabe, arXiv:2304.11127, for the parts and what each is worth).
 */
import type { Axis, ChoiceAxis, LineAxis } from './axis.ts';
import { drawFrom, logLikelihood, type Bell } from './normal.ts';
import type { Random } from './random.ts';
import type { Parameters, Value } from './space.ts';

/** One factor of a kernel: its shape along one axis. */
type Shape = Bell | { readonly chances: readonly number[] };

export interface Mixture {
  readonly axes: readonly Axis[];
  /** Adding up to 1; the prior's is the last. */
  readonly weights: readonly number[];
  /** `shapes[kernel][axis]` */
  readonly shapes: readonly (readonly Shape[])[];
}

/** A density over some axes together, from trials that are sorted by their number: the oldest first. */
export function mixture(axes: readonly Axis[], trials: readonly Parameters[]): Mixture {
  const raw = [...ages(trials.length), 1];
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  const columns = axes.map((axis) =>
    axis.kind === 'choice' ? categories(axis, trials) : bells(axis, trials),
  );
  return {
    axes,
    weights: raw.map((weight) => weight / total),
    shapes: raw.map((_, kernel) => columns.map((column) => column[kernel] as Shape)),
  };
}

export function draw({ axes, weights, shapes }: Mixture, random: Random): Parameters {
  const kernel = shapes[random.weighted(weights)] ?? [];
  const entries = axes.map((axis, index): [string, Value] => {
    const shape = kernel[index] as Shape;
    if (axis.kind === 'choice') {
      return [axis.name, axis.valueAt(random.weighted('chances' in shape ? shape.chances : []))];
    }
    return [axis.name, axis.valueOf(drawFrom(shape as Bell, random))];
  });
  return Object.fromEntries(entries);
}

/** The logarithm of the density at some parameters. */
export function logDensity({ axes, weights, shapes }: Mixture, parameters: Parameters): number {
  const places = axes.map((axis) => {
    const value = parameters[axis.name] as Value;
    return axis.kind === 'choice' ? axis.indexOf(value) : axis.cellOf(value as number);
  });
  const terms = shapes.map((kernel, index) => {
    let term = Math.log(weights[index] as number);
    for (const [axis, place] of places.entries()) {
      const shape = kernel[axis] as Shape;
      if (typeof place !== 'number') term += logLikelihood(shape as Bell, place);
      else term += Math.log('chances' in shape ? (shape.chances[place] as number) : 0);
    }
    return term;
  });
  const highest = Math.max(...terms);
  return highest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - highest), 0));
}

/** The newest 25 trials count in full, older ones less, down to almost nothing for the first of a long history. */
function ages(count: number): number[] {
  const old = Math.max(0, count - 25);
  return Array.from({ length: count }, (_, index) =>
    index >= old ? 1 : old === 1 ? 1 / count : 1 / count + (index / (old - 1)) * (1 - 1 / count),
  );
}

function categories(axis: ChoiceAxis, trials: readonly Parameters[]): Shape[] {
  const flat = 1 / axis.size;
  const prior = { chances: Array.from({ length: axis.size }, () => flat) };
  const each = 1 / (trials.length + 1);
  const around = trials.map((trial) => {
    const chosen = axis.indexOf(trial[axis.name] as Value);
    const chances = Array.from({ length: axis.size }, (_, index) => (index === chosen ? 1 + each : each));
    const total = 1 + each * axis.size;
    return { chances: chances.map((chance) => chance / total) };
  });
  return [...around, prior];
}

function bells(axis: LineAxis, trials: readonly Parameters[]): Shape[] {
  const means = trials.map((trial) => {
    const { low, high } = axis.cellOf(trial[axis.name] as number);
    return (low + high) / 2;
  });
  // No kernel so narrow that every further draw falls on the same place.
  const narrowest = 0.5 / Math.min(100, means.length + 2);
  const widths = gaps(means);
  const around = means.map((mean, index) => {
    const deviation = Math.min(1, Math.max(narrowest, widths[index] as number));
    return { mean, deviation };
  });
  return [...around, { mean: 0.5, deviation: 1 }];
}

/** For each mean the wider of the distances to its neighbours; one that is alone looks at the ends of the line. */
function gaps(means: readonly number[]): readonly number[] {
  const [first] = means;
  if (first !== undefined && means.length === 1) return [Math.max(first, 1 - first)];
  const widths: number[] = [];
  const order = means.map((mean, index) => ({ mean, index })).toSorted((a, b) => a.mean - b.mean);
  for (const [rank, { mean, index }] of order.entries()) {
    const left = mean - (order[rank - 1]?.mean ?? mean);
    const right = (order[rank + 1]?.mean ?? mean) - mean;
    widths[index] = Math.max(left, right);
  }
  return widths;
}
