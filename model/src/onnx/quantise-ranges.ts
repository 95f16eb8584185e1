/** Real images → what the maps of a network are between. */
import { setImmediate } from 'node:timers/promises';
import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import type { Range, Ranges } from './quantise-graph.ts';

export interface Calibration {
  readonly ranges: Ranges;
  /** What the float32 network pools: by layer, the vectors of all images, views counted, one after the other. */
  readonly pooled: ReadonlyMap<string, Float32Array>;
}

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
): Promise<Calibration | undefined> {
  const trunk = trunkOf(model);
  if (!trunk.some(isConvolution)) return undefined;
  const shape = model.inputs[0]?.shape.slice(1).map(Number) ?? [];
  const pixels = shape.reduce((product, size) => product * size, 1);
  if (images.length === 0 || images.length % pixels !== 0) {
    throw new RangeError(`${images.length} values are not some images of ${shape.join('x')}`);
  }
  const maps = new Map<string, Range>();
  const pooled = new Map<string, Float32Array[]>();
  const visit = (layer: tfjs.layers.Layer, map: tfjs.Tensor): void => {
    if (isConvolution(layer)) {
      const known = maps.get(layer.name) ?? NOTHING;
      const [min, max] = [valuesOf(map.min()), valuesOf(map.max())].map(([value = 0]) => value);
      maps.set(layer.name, { min: Math.min(known.min, min ?? 0), max: Math.max(known.max, max ?? 0) });
    }
    for (const pool of poolsOf(model, layer)) {
      const vectors = pooled.get(pool.name) ?? [];
      vectors.push(valuesOf(pool.apply(map) as tfjs.Tensor));
      pooled.set(pool.name, vectors);
    }
  };
  for (const batch of batches(images, pixels)) {
    signal?.throwIfAborted();
    tf.tidy(() => visitMaps(tf, trunk, tf.tensor(batch, [batch.length / pixels, ...shape]), visit));
    // TensorFlow blocks; between two batches a signal can come.
    await setImmediate();
  }
  const vectors = [...pooled].map(([name, parts]) => [name, joined(parts)] as const);
  return { ranges: { image: extremes(images), maps }, pooled: new Map(vectors) };
}

const NOTHING: Range = { min: 0, max: 0 };

function valuesOf(tensor: tfjs.Tensor): Float32Array {
  return tensor.dataSync<'float32'>();
}

export function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

type Visit = (layer: tfjs.layers.Layer, map: tfjs.Tensor) => void;

/** The layers of maps from the image on, one after the other. */
function trunkOf(model: tfjs.LayersModel): readonly tfjs.layers.Layer[] {
  const trunk: tfjs.layers.Layer[] = [];
  let end = model.inputs[0];
  for (;;) {
    const next = model.layers.find((layer) => TRUNK.has(layer.getClassName()) && layer.input === end);
    if (next === undefined || Array.isArray(next.output)) break;
    trunk.push(next);
    end = next.output;
  }
  return trunk;
}

const TRUNK = new Set(['Conv2D', 'MaxPooling2D', 'MirroredViews']);

/** The layers that make a vector of this layer's map. */
function poolsOf(model: tfjs.LayersModel, { output }: tfjs.layers.Layer): readonly tfjs.layers.Layer[] {
  return model.layers.filter((layer) => layer.input === output && layer.outputShape.length === 2);
}

function isConvolution(layer: tfjs.layers.Layer): boolean {
  return layer.getClassName() === 'Conv2D';
}

/** Images that go through the network at once, views aside. */
const BATCH = 8;

/** Of images one after the other, the last of fewer. */
export function* batches(images: Float32Array, pixels: number): Generator<Float32Array> {
  for (let at = 0; at < images.length; at += BATCH * pixels) yield images.subarray(at, at + BATCH * pixels);
}

function visitMaps(tf: Tf, trunk: readonly tfjs.layers.Layer[], image: tfjs.Tensor, visit: Visit): void {
  let map = image;
  for (const layer of trunk) {
    const next = tf.tidy(() => layer.apply(map) as tfjs.Tensor);
    map.dispose();
    map = next;
    visit(layer, map);
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
