/** What a file computes on its way, given out beside its answer; the file itself is only read as far as its operations. */
import { open } from 'node:fs/promises';
import { PackageError } from '../errors.ts';
import { FIELDS, FLOAT } from './fields.ts';
import { bytesField, readFields, varintField, type Field } from './wire.ts';

/** Names of the tensors that Grad-CAM needs, and whether maps hold the mirrored views of an image beside it. */
export interface ActivationNames {
  readonly features: string;
  readonly maps: string;
  readonly views: 1 | 4;
}

/**
 * Where an ONNX file of ours, float32 or int8, has its pooled features and the maps of its deepest tap; of an int8 file
 * the dequantised ones.
 *
 * @returns undefined where nothing is pooled, as with the tap `pixels` alone
 * @throws PackageError PACKAGE_INVALID where the file is not one that `writePackage` makes
 */
export async function activationNames(path: string): Promise<ActivationNames | undefined> {
  const nodes = await readNodes(path);
  const producers = new Map(nodes.map(({ output }, at) => [output, at]));
  const maps = nodes
    .filter(({ op, name }) => GLOBAL_POOLS.has(op) || (op === 'ReduceMean' && name.endsWith('/columns')))
    .flatMap(({ inputs }) => inputs.slice(0, 1))
    // Every map is made of the one before: what stands last in the file is the deepest.
    .toSorted((a, b) => (producers.get(b) ?? -1) - (producers.get(a) ?? -1))[0];
  // The normaliser begins with an Unsqueeze; without one the head's Gemm is first.
  const entry = nodes.find(({ op, name }) => op === 'Unsqueeze' && name.endsWith('/feature'));
  const features = (entry ?? nodes.find(({ op }) => op === 'Gemm'))?.inputs[0];
  if (maps === undefined || features === undefined) return undefined;
  return { features, maps, views: nodes.some(({ name }) => name === 'views') ? 4 : 1 };
}

const GLOBAL_POOLS: ReadonlySet<string> = new Set(['GlobalAveragePool', 'GlobalMaxPool']);

/**
 * Bytes that, written behind those of an ONNX file, make these float tensors outputs of its graph: protobuf merges a
 * message that occurs twice, and puts the second's lists behind the first's.
 * https://protobuf.dev/programming-guides/encoding/#last-one-wins
 */
export function extraOutputs(names: readonly string[]): Uint8Array {
  const { model, graph, value, type, tensorType } = FIELDS;
  const tensor = bytesField(type.tensor, [varintField(tensorType.elementType, FLOAT)]);
  const outputs = names.map((name) =>
    bytesField(graph.output, [bytesField(value.name, name), bytesField(value.type, [tensor])]),
  );
  return Buffer.concat([...bytesField(model.graph, outputs)]);
}

interface Node {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
}

/** Operations stand before the weights, so that the first part of a file of 60 MB is enough. */
async function readNodes(path: string): Promise<readonly Node[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    for (let length = FIRST_PART; ; length *= 4) {
      const part = Buffer.alloc(Math.min(length, size));
      await file.read(part, 0, part.length, 0);
      const nodes = nodesOf(part);
      if (nodes !== undefined) return nodes;
      if (length >= size) throw new PackageError('PACKAGE_INVALID', `${path} is no ONNX file of ours`);
    }
  } finally {
    await file.close();
  }
}

const FIRST_PART = 262_144;

/** Undefined where the part ends before the operations do. */
function nodesOf(part: Uint8Array): Node[] | undefined {
  const nodes: Node[] = [];
  try {
    const graph = bytesOf(readFields(part, true), FIELDS.model.graph)[0] ?? new Uint8Array();
    for (const { number, value } of readFields(graph, true)) {
      if (number === FIELDS.graph.initializer) return nodes;
      if (number === FIELDS.graph.node && typeof value !== 'number') nodes.push(nodeOf(value));
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a cut field; or no protobuf, which the caller finds out at the end
  }
  return undefined;
}

function nodeOf(message: Uint8Array): Node {
  const fields = [...readFields(message)];
  const texts = (number: number): string[] =>
    bytesOf(fields, number).map((bytes) => Buffer.from(bytes).toString());
  const { node } = FIELDS;
  const [op = '', name = '', output = ''] = [node.op, node.name, node.output].map((field) => texts(field)[0]);
  return { op, name, inputs: texts(node.input), output };
}

function bytesOf(fields: Iterable<Field>, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const { number, value } of fields) {
    if (number === wanted && typeof value !== 'number') found.push(value);
  }
  return found;
}
