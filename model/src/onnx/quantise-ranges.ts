/** Real images → what the maps of a network are between. */
import { setImmediate } from 'node:timers/promises';
import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import type { Range, Ranges } from './quantise-graph.ts';

export interface CalibrationOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs the images through the convolutions, a few at a time and one layer after the other, so that one map is kept and
 * no more. A range ends at the largest value: cutting off where clipping and rounding together have the least squared
 * error cost more AUC on nodules, and the maximum of a map is a feature.
 *
 * @param images `n * s * s * 3` values, as the network takes them
 * @returns undefined where the network has no convolution
 * @throws RangeError where `images` are not whole images, or none
 */
export async function calibrate(
  tf: Tf,
  model: tfjs.LayersModel,
  images: Float32Array,
  { signal }: CalibrationOptions = {},
): Promise<Ranges | undefined> {
  const trunk = trunkOf(model);
  if (!trunk.some(isConvolution)) return undefined;
  const shape = model.inputs[0]?.shape.slice(1).map(Number) ?? [];
  const pixels = shape.reduce((product, size) => product * size, 1);
  if (images.length === 0 || images.length % pixels !== 0) {
    throw new RangeError(`${images.length} values are not some images of ${shape.join('x')}`);
  }
  const maps = new Map<string, Range>();
  for (const batch of batches(images, pixels)) {
    signal?.throwIfAborted();
    tf.tidy(() => {
      visitMaps(tf, trunk, tf.tensor(batch, [batch.length / pixels, ...shape]), (layer, map) => {
        const known = maps.get(layer) ?? NOTHING;
        maps.set(layer, {
          min: Math.min(known.min, valueOf(map.min())),
          max: Math.max(known.max, valueOf(map.max())),
        });
      });
    });
    // TensorFlow blocks; between two batches a signal can come.
    await setImmediate();
  }
  return { image: extremes(images), maps };
}

const NOTHING: Range = { min: 0, max: 0 };

function valueOf(scalar: tfjs.Tensor): number {
  return scalar.dataSync<'float32'>()[0] ?? 0;
}

type Visit = (layer: string, map: tfjs.Tensor) => void;

/** The layers from the image through all convolutions, one after the other. */
function trunkOf(model: tfjs.LayersModel): readonly tfjs.layers.Layer[] {
  const trunk: tfjs.layers.Layer[] = [];
  let end = model.inputs[0];
  for (;;) {
    const next = model.layers.find((layer) => TRUNK.has(layer.getClassName()) && layer.input === end);
    if (next === undefined || Array.isArray(next.output)) break;
    trunk.push(next);
    end = next.output;
  }
  return trunk.slice(0, trunk.findLastIndex(isConvolution) + 1);
}

const TRUNK = new Set(['Conv2D', 'MaxPooling2D', 'MirroredViews']);

function isConvolution(layer: tfjs.layers.Layer): boolean {
  return layer.getClassName() === 'Conv2D';
}

/** Images that go through the network at once, views aside. */
const BATCH = 8;

function* batches(images: Float32Array, pixels: number): Generator<Float32Array> {
  for (let at = 0; at < images.length; at += BATCH * pixels) yield images.subarray(at, at + BATCH * pixels);
}

function visitMaps(tf: Tf, trunk: readonly tfjs.layers.Layer[], image: tfjs.Tensor, visit: Visit): void {
  let map = image;
  for (const layer of trunk) {
    const next = tf.tidy(() => layer.apply(map) as tfjs.Tensor);
    map.dispose();
    map = next;
    if (isConvolution(layer)) visit(layer.name, map);
  }
}

function extremes(values: Float32Array): Range {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}
