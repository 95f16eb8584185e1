import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import { INTENDED_USE } from '../package/metadata.ts';
import { PRODUCER_VERSION } from '../package/write.ts';
import { onnxFile } from './graph.ts';
import { onnxGraph } from './model.ts';
import { correctGraph, fitCorrection, poolingGraph } from './quantise-correction.ts';
import { quantiseGraph } from './quantise-graph.ts';
import { batches, calibrate, joined, type CalibrationOptions } from './quantise-ranges.ts';
import { loadOnnx } from './session.ts';

/**
 * The joined classifier as an ONNX file whose convolutions are static int8, for processors without a GPU: same input,
 * same output as the float32 file, a quarter of the weights' bytes. Its answers are near those of the float32 file, not
 * equal: judge them before use.
 *
 * @param images `n * s * s * 3` values of training images, preprocessed; what is in none of them is cut off
 * @returns undefined where the network has no convolution, as with the tap `pixels` alone
 * @throws PackageError LAYER_UNSUPPORTED as `onnxModel`; RangeError where `images` are not whole images, or none
 */
export async function int8Model(
  tf: Tf,
  model: tfjs.LayersModel,
  images: Float32Array,
  options: CalibrationOptions = {},
): Promise<Uint8Array | undefined> {
  const calibration = await calibrate(tf, model, images, options);
  if (calibration === undefined) return undefined;
  const { ranges, pooled } = calibration;
  const graph = quantiseGraph(
    onnxGraph(tf, model, { doc: INTENDED_USE, producerVersion: PRODUCER_VERSION }),
    ranges,
  );
  const layers = [...pooled.keys()];
  const widths = layers.map((name) => widthOf(model.getLayer(name)));
  const found = await run(onnxFile(poolingGraph(graph, layers)), images, sizeOf(model), options);
  const corrections = new Map(
    layers.map((layer, at) => {
      const [width = 0, before] = [widths[at], sum(widths.slice(0, at))];
      const int8 = columns(found, sum(widths), before, width);
      return [layer, fitCorrection(int8, pooled.get(layer) ?? int8, width)] as const;
    }),
  );
  return onnxFile(correctGraph(graph, corrections));
}

/** All vectors that a file makes of the images, in batches as those of `calibrate`: views of a batch are together. */
async function run(
  file: Uint8Array,
  images: Float32Array,
  pixels: number,
  { signal }: CalibrationOptions,
): Promise<Float32Array> {
  const classifier = await loadOnnx(file);
  try {
    const parts: Float32Array[] = [];
    for (const batch of batches(images, pixels)) {
      signal?.throwIfAborted();
      parts.push(await classifier.predict(batch, batch.length / pixels));
    }
    return joined(parts);
  } finally {
    await classifier.dispose();
  }
}

/** Those from `start` on of every row. */
function columns(rows: Float32Array, length: number, start: number, width: number): Float32Array {
  return rows.filter((_, at) => at % length >= start && at % length < start + width);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function widthOf({ outputShape }: tfjs.layers.Layer): number {
  return Number(outputShape.at(-1));
}

function sizeOf({ inputs }: tfjs.LayersModel): number {
  return (inputs[0]?.shape.slice(1) ?? []).reduce<number>((product, size) => product * Number(size), 1);
}
