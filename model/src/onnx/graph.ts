import { ATTRIBUTE_INT, ATTRIBUTE_INTS, FIELDS, FLOAT } from './fields.ts';
import { bytesField, varintField } from './wire.ts';

/** A float tensor inside the file. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** One operation of a chain: it takes the tensor before it, and then its own constants in order. */
export interface Operation {
  readonly op: string;
  /** Unique in the chain; names the node and its result. */
  readonly name: string;
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
  readonly constants?: readonly OnnxTensor[];
}

/** An end of the chain; a text among the dims names a size that is free, the number of images. */
interface OnnxEnd {
  readonly name: string;
  readonly dims: readonly (number | string)[];
}

export interface OnnxChain {
  readonly name: string;
  readonly doc: string;
  readonly producerVersion: string;
  readonly input: OnnxEnd;
  readonly output: OnnxEnd;
  readonly operations: readonly Operation[];
}

// Old enough for the runtimes of 2022, and all that our operations need.
const IR_VERSION = 8;
const OPSET = 17;

/** The bytes of an ONNX file with one straight chain of operations. */
export function onnxFile(chain: OnnxChain): Uint8Array {
  const { model, opset, graph } = FIELDS;
  const tensors = chain.operations.flatMap((operation) => operation.constants ?? []);
  return Buffer.concat([
    varintField(model.irVersion, IR_VERSION),
    bytesField(model.producer, 'hilum'),
    bytesField(model.producerVersion, chain.producerVersion),
    bytesField(model.doc, chain.doc),
    bytesField(model.graph, [
      ...nodes(chain).map((fields) => bytesField(graph.node, fields)),
      bytesField(graph.name, chain.name),
      ...tensors.map((constant) => bytesField(graph.initializer, tensorFields(constant))),
      bytesField(graph.input, valueFields(chain.input)),
      bytesField(graph.output, valueFields(chain.output)),
    ]),
    bytesField(model.opset, [varintField(opset.version, OPSET)]),
  ]);
}

function nodes({ operations, input, output }: OnnxChain): Uint8Array[][] {
  const { node } = FIELDS;
  const results = operations.map(({ name }, index) => (index === operations.length - 1 ? output.name : name));
  return operations.map(({ op, name, attributes = {}, constants = [] }, index) => [
    ...[results[index - 1] ?? input.name, ...constants.map((constant) => constant.name)].map((source) =>
      bytesField(node.input, source),
    ),
    bytesField(node.output, results[index] ?? output.name),
    bytesField(node.name, name),
    bytesField(node.op, op),
    ...Object.entries(attributes).map((entry) => bytesField(node.attribute, attributeFields(...entry))),
  ]);
}

function attributeFields(name: string, value: number | readonly number[]): Uint8Array[] {
  const { attribute } = FIELDS;
  const isOne = typeof value === 'number';
  return [
    bytesField(attribute.name, name),
    ...(isOne ? [varintField(attribute.int, value)] : value.map((item) => varintField(attribute.ints, item))),
    varintField(attribute.type, isOne ? ATTRIBUTE_INT : ATTRIBUTE_INTS),
  ];
}

function tensorFields({ name, dims, values }: OnnxTensor): Uint8Array[] {
  const { tensor } = FIELDS;
  return [
    ...dims.map((dim) => varintField(tensor.dims, dim)),
    varintField(tensor.dataType, FLOAT),
    bytesField(tensor.name, name),
    // ONNX is little-endian, and so is every machine that TensorFlow's wheels are made for.
    bytesField(tensor.rawData, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  ];
}

function valueFields({ name, dims }: OnnxEnd): Uint8Array[] {
  const { value, type, tensorType, shape, dim } = FIELDS;
  const sizes = dims.map((size) =>
    bytesField(shape.dim, [
      typeof size === 'number' ? varintField(dim.value, size) : bytesField(dim.param, size),
    ]),
  );
  const tensor = [varintField(tensorType.elementType, FLOAT), bytesField(tensorType.shape, sizes)];
  return [bytesField(value.name, name), bytesField(value.type, [bytesField(type.tensor, tensor)])];
}
