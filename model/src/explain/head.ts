import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PackageError } from '../errors.ts';
import type { Normaliser } from '../normaliser.ts';
import { correctionFactors } from '../onnx/quantise-correction.ts';
import { readInitializers } from '../onnx/initializers.ts';
import { FILES, INT8_PATH, type PackageInfo } from '../package/metadata.ts';
import { readTopology, type FeaturePart, type Topology } from './topology.ts';

/** A layer whose every output is a sum over all inputs: `kernel` is `[inputs, outputs]`, row by row. */
export interface Dense {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
}

/** A part of the features, as they go into the head. */
interface HeadPart extends FeaturePart {
  /** By which each channel's pooled value was corrected before; none: by 1. */
  readonly factors?: Float32Array;
}

/** What of a packaged network lies behind its maps, and which of them an explanation shows. */
export interface Head {
  /** The deepest layer whose maps are pooled: the one that is explained. */
  readonly layer: string;
  /** What else the answer was made of, and no heat map of `layer` shows: earlier layers, `pixels`. */
  readonly notShown: readonly string[];
  /** The parts of the feature vector, in its order. */
  readonly parts: readonly HeadPart[];
  /** Of the square input, in pixels. */
  readonly inputSize: number;
  readonly channels: number;
  /** Of a map. */
  readonly side: number;
  /** Pixels of the input from one value of a map to the next. */
  readonly stride: number;
  readonly views: 1 | 4;
  readonly normaliser?: Normaliser;
  /** ReLU behind all but the last, whose outputs are the logits. */
  readonly dense: readonly Dense[];
}

/**
 * Reads of a verified package what Grad-CAM needs, the network's structure and the weights of its head: a few hundred
 * kilobytes to some megabytes of the file, and no TensorFlow.
 *
 * @param precision of the file that answers: the int8 one has a line behind each pooled channel that undoes what was lost
 * @throws PackageError NOT_EXPLAINABLE where no map of a layer goes into the answer, PACKAGE_INVALID where the files do
 *   not fit together
 */
export async function readHead(info: PackageInfo, precision: Precision = 'float32'): Promise<Head> {
  const topology = await readTopology(info);
  const { normaliser: layer, dense, ...facts } = topology;
  const read = await weightReader(info, topology);
  try {
    const tables = layer === undefined ? undefined : await normaliserOf(read, layer);
    const layers: Dense[] = [];
    for (const name of dense) layers.push(await denseOf(read, name));
    assertFits(facts.parts, tables, layers, info);
    const parts = precision === 'int8' ? await corrected(info, facts.parts) : facts.parts;
    return { ...facts, parts, ...(tables === undefined ? {} : { normaliser: tables }), dense: layers };
  } finally {
    await read.close();
  }
}

type Precision = 'float32' | 'int8';

async function corrected({ dir }: PackageInfo, parts: readonly FeaturePart[]): Promise<readonly HeadPart[]> {
  const file = await readFile(join(dir, INT8_PATH)).catch((cause: unknown) => {
    throw new PackageError('PACKAGE_INCOMPLETE', `${INT8_PATH} cannot be read`, { cause });
  });
  const constants = readInitializers(file);
  return parts.map((part) => {
    const factors = constants.get(correctionFactors(part.name))?.values;
    return factors === undefined ? part : { ...part, factors };
  });
}

interface WeightReader {
  readonly of: (
    name: string,
  ) => Promise<{ readonly shape: readonly number[]; readonly values: Float32Array }>;
  readonly close: () => Promise<void>;
}

async function weightReader(info: PackageInfo, { weights }: Topology): Promise<WeightReader> {
  const file = await open(join(info.dir, FILES.tfjsWeights)).catch((cause: unknown) => {
    throw new PackageError('PACKAGE_INCOMPLETE', `${FILES.tfjsWeights} cannot be read`, { cause });
  });
  return {
    close: async () => file.close(),
    of: async (name) => {
      const weight = weights.get(name);
      if (weight === undefined) throw invalid(info, `${FILES.tfjs} lists no weights ${name}`);
      const { shape, offset } = weight;
      const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
      const { bytesRead } = await file.read(new Uint8Array(values.buffer), { position: offset });
      if (bytesRead !== values.byteLength) throw invalid(info, `${FILES.tfjsWeights} ends before ${name}`);
      return { shape, values };
    },
  };
}

async function normaliserOf(read: WeightReader, name: string): Promise<Normaliser> {
  const [knots, levels] = [await read.of(`${name}/knots`), await read.of(`${name}/levels`)];
  const [width = 0, points = 0] = knots.shape;
  return { width, points, knots: knots.values, levels: levels.values };
}

async function denseOf(read: WeightReader, name: string): Promise<Dense> {
  const [kernel, bias] = [await read.of(`${name}/kernel`), await read.of(`${name}/bias`)];
  const [inputs = 0, outputs = 0] = kernel.shape;
  return { inputs, outputs, kernel: kernel.values, bias: bias.values };
}

function assertFits(
  parts: readonly FeaturePart[],
  normaliser: Normaliser | undefined,
  dense: readonly Dense[],
  info: PackageInfo,
): void {
  const width = parts.reduce((sum, { length }) => sum + length, 0);
  const sizes = [width, ...(normaliser === undefined ? [] : [normaliser.width])];
  const outputs = dense.reduce(
    (inputs, layer) => (layer.inputs === inputs ? layer.outputs : Number.NaN),
    width,
  );
  if (sizes.every((size) => size === width) && outputs === info.labels.length) return;
  throw invalid(info, `the layers of ${FILES.tfjs} do not fit together`);
}

function invalid({ dir }: PackageInfo, message: string): PackageError {
  return new PackageError('PACKAGE_INVALID', `${message} (${dir})`);
}
