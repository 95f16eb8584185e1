/** Several images as one batch, and a batch's answer as one answer an image. */
import type { Activations } from '@hilum/model';
import type { EngineAnswer } from '../engine/engine.ts';

/** One after the other. A single one is handed on as it is, without a copy. */
export function joined(tensors: readonly Float32Array[]): Float32Array {
  const [first] = tensors;
  if (first === undefined) throw new RangeError('a batch has at least one image');
  if (tensors.length === 1) return first;
  const batch = new Float32Array(first.length * tensors.length);
  for (const [at, tensor] of tensors.entries()) batch.set(tensor, at * first.length);
  return batch;
}

/** Of image `at` of `n`. */
export function answerOf(
  { probabilities, activations }: EngineAnswer,
  at: number,
  n: number,
): Pick<EngineAnswer, 'probabilities' | 'activations'> {
  return {
    probabilities: part(probabilities, at, n),
    ...(activations === undefined ? {} : { activations: activationsOf(activations, at, n) }),
  };
}

/** The views of one image lie `n` maps apart: MirroredViews concatenates whole batches. */
function activationsOf(all: Activations, at: number, n: number): Activations {
  if (n === 1) return all;
  const { channels, side, views } = all;
  const one = channels * side * side;
  const maps = new Float32Array(views * one);
  for (let view = 0; view < views; view += 1) {
    const from = (view * n + at) * one;
    maps.set(all.maps.subarray(from, from + one), view * one);
  }
  return { features: part(all.features, at, n), maps, channels, side, views };
}

function part(values: Float32Array, at: number, n: number): Float32Array {
  const length = values.length / n;
  return n === 1 ? values : values.slice(at * length, (at + 1) * length);
}
