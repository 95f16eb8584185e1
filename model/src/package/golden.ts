/** Images that a package carries with what its network says of them, so that a server can prove that it computes the same. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CAFFE_MEANS } from '@hilum/imaging';
import type * as tfjs from '@tensorflow/tfjs-node';
import { z } from 'zod';
import type { Tf } from '../engine.ts';
import { PackageError } from '../errors.ts';
import { loadOnnx } from '../onnx/session.ts';

/** Where a package has them: `count` images of `inputSize * inputSize` grey levels, one after the other; and the answers. */
export const GOLDEN_FILES = { inputs: 'golden/inputs.u8', answers: 'golden/golden.json' } as const;

const outputsSchema = z.array(z.array(z.number().min(0).max(1)));
const toleranceSchema = z.number().gt(0).max(1);

export const goldenSchema = z
  .strictObject({
    version: z.literal(1),
    count: z.int().min(1),
    inputSize: z.int().min(1),
    /** The most by which a probability may differ. */
    tolerance: toleranceSchema,
    /** By image, in the order of the labels: the float32 network's. */
    outputs: outputsSchema,
    /** Of the int8 file, where the package has one: it is another network, with answers of its own. */
    int8: z.strictObject({ tolerance: toleranceSchema, outputs: outputsSchema }).optional(),
  })
  .refine(
    ({ count, outputs, int8 }) => outputs.length === count && (int8 ?? { outputs }).outputs.length === count,
    'one row of outputs for each image',
  );

/** What the golden images of a package are answered with. */
export type Golden = z.infer<typeof goldenSchema>;

/**
 * Other processors add in another order: with features of hundreds and a head that is sure of itself, 1e-4 has been
 * seen to come of it. A wrong weight, layout or channel order is off by far more.
 */
const TOLERANCE = 1e-3;
/**
 * In whole numbers a sum that lies between two levels may fall to either side, and all that follows hears of it:
 * docs/engines.md has what was measured.
 */
const INT8_TOLERANCE = 0.02;

/** @param int8 bytes of the int8 file, where there is one */
export async function goldenParts(
  tf: Tf,
  model: tfjs.LayersModel,
  inputSize: number,
  int8: Uint8Array | undefined,
): Promise<readonly (readonly [path: string, bytes: Uint8Array | string])[]> {
  const levels = drawings(inputSize);
  const tensor = tensorOf(levels);
  const count = levels.length / inputSize ** 2;
  const golden: Golden = {
    version: 1,
    count,
    inputSize,
    tolerance: TOLERANCE,
    outputs: rows(predicted(tf, model, tensor, inputSize), count),
    ...(int8 && { int8: { tolerance: INT8_TOLERANCE, outputs: await answersOf(int8, tensor, count) } }),
  };
  return [
    [GOLDEN_FILES.inputs, levels],
    [GOLDEN_FILES.answers, `${JSON.stringify(golden, null, 2)}\n`],
  ];
}

/**
 * The golden images of a verified package as the network takes them, one after the other.
 *
 * @throws PackageError PACKAGE_INCOMPLETE, PACKAGE_INVALID
 */
export async function readGoldenInputs(dir: string, { count, inputSize }: Golden): Promise<Float32Array> {
  const levels = await readFile(join(dir, GOLDEN_FILES.inputs)).catch((cause: unknown) => {
    throw new PackageError('PACKAGE_INCOMPLETE', `${dir} has no readable ${GOLDEN_FILES.inputs}`, { cause });
  });
  if (levels.length === count * inputSize ** 2) return tensorOf(levels);
  const message = `${GOLDEN_FILES.inputs} has ${levels.length} bytes; they are not ${count} images of ${inputSize} pixels`;
  throw new PackageError('PACKAGE_INVALID', message);
}

function predicted(tf: Tf, model: tfjs.LayersModel, tensor: Float32Array, side: number): Float32Array {
  const output = tf.tidy(
    () =>
      model.predict(tf.tensor4d(tensor, [tensor.length / (side * side * 3), side, side, 3])) as tfjs.Tensor,
  );
  const probabilities = output.dataSync<'float32'>();
  output.dispose();
  return probabilities;
}

async function answersOf(file: Uint8Array, tensor: Float32Array, count: number): Promise<number[][]> {
  const classifier = await loadOnnx(file);
  try {
    return rows(await classifier.predict(tensor, count), count);
  } finally {
    await classifier.dispose();
  }
}

function rows(values: Float32Array, count: number): number[][] {
  const width = values.length / count;
  return Array.from({ length: count }, (_, at) => [...values.subarray(at * width, (at + 1) * width)]);
}

function tensorOf(levels: Uint8Array): Float32Array {
  const tensor = new Float32Array(levels.length * CAFFE_MEANS.length);
  for (const [at, level] of levels.entries()) {
    for (const [channel, mean] of CAFFE_MEANS.entries())
      tensor[at * CAFFE_MEANS.length + channel] = level - mean;
  }
  return tensor;
}

/** Drawn, nobody's images: a body with two lungs and a nodule, a disc on a slope, and grain of growing contrast. */
function drawings(side: number): Uint8Array {
  const pictures = [phantom, disc, grain];
  const levels = new Uint8Array(pictures.length * side * side);
  for (const [picture, levelAt] of pictures.entries()) {
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        levels[(picture * side + y) * side + x] = Math.round(
          levelAt((x + 0.5) / side, (y + 0.5) / side, side),
        );
      }
    }
  }
  return levels;
}

/** Of a place in the unit square, from 0 to 255. */
type Picture = (x: number, y: number, side: number) => number;

const phantom: Picture = (x, y) => {
  const within = (cx: number, cy: number, rx: number, ry: number): boolean =>
    ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1;
  if (within(0.7, 0.42, 0.05, 0.05)) return 190;
  if (within(0.3, 0.5, 0.14, 0.26) || within(0.7, 0.5, 0.14, 0.26)) return 35 + 20 * y;
  return within(0.5, 0.5, 0.46, 0.38) ? 150 : 5;
};

const disc: Picture = (x, y) => {
  const inside = 0.25 - Math.hypot(x - 0.5, y - 0.5);
  return 40 + 60 * y + 120 * Math.min(1, Math.max(0, inside * 20 + 0.5));
};

const grain: Picture = (x, y, side) => {
  // Some digits of a product of whole numbers: the same on every machine.
  const noise = ((Math.floor(x * side) * 7919 + Math.floor(y * side) * 104_729 + 31) ** 2 % 997) / 996;
  return 128 + 240 * x * (noise - 0.5);
};
