import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import { INTENDED_USE } from '../package/metadata.ts';
import { PRODUCER_VERSION } from '../package/write.ts';
import { onnxFile } from './graph.ts';
import { onnxGraph } from './model.ts';
import { quantiseGraph } from './quantise-graph.ts';
import { calibrate, type CalibrationOptions } from './quantise-ranges.ts';

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
  const ranges = await calibrate(tf, model, images, options);
  if (ranges === undefined) return undefined;
  const graph = onnxGraph(tf, model, { doc: INTENDED_USE, producerVersion: PRODUCER_VERSION });
  return onnxFile(quantiseGraph(graph, ranges));
}
