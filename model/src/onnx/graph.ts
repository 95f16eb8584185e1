import { ATTRIBUTE_INT, ATTRIBUTE_INTS, FIELDS, FLOAT, INT32, INT64, INT8, UINT8 } from './fields.ts';
import { bytesField, varintField, type Pieces } from './wire.ts';

/** A tensor inside the file; its element type is that of its array. */
export interface OnnxTensor {
  /** Unique in the file, unless it is the same tensor that more than one operation takes. */
  readonly name: string;
  /** None for a scalar. */
  readonly dims: readonly number[];
  readonly values: Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;
}

export interface FloatTensor extends OnnxTensor {
  readonly values: Float32Array;
}

/** One operation. */
export interface Operation {
  readonly op: string;
  /** Unique in the graph; names the node and its result. */
  readonly name: string;
  /** Results of earlier operations by their name, or the graph's input; default the result of the operation before. */
  readonly inputs?: readonly string[];
  /** What it takes besides, after its inputs. */
  readonly constants?: readonly OnnxTensor[];
  /** Whole numbers from 0. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** An end of the graph; a text among the dims names a size that is free, the number of images. */
interface OnnxEnd {
  readonly name: string;
  readonly dims: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly doc: string;
  readonly producerVersion: string;
  readonly input: OnnxEnd;
  readonly output: OnnxEnd;
  /** Each after those whose results it takes; the result of the last is the graph's. */
  readonly operations: readonly Operation[];
}

// Old enough for the runtimes of 2022, and all that our operations need.
const IR_VERSION = 8;
const OPSET = 17;

/** The bytes of an ONNX file. */
export function onnxFile(content: OnnxGraph): Uint8Array {
  const { model, opset, graph } = FIELDS;
  const tensors = content.operations.flatMap((operation) => operation.constants ?? []);
  const distinct = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const fields = [
    varintField(model.irVersion, IR_VERSION),
    bytesField(model.producer, 'hilum'),
    bytesField(model.producerVersion, content.producerVersion),
    bytesField(model.doc, content.doc),
    bytesField(model.graph, [
      ...nodes(content).map((fields) => bytesField(graph.node, fields)),
      bytesField(graph.name, content.name),
      ...[...distinct.values()].map((tensor) => bytesField(graph.initializer, tensorFields(tensor))),
      bytesField(graph.input, valueFields(content.input)),
      bytesField(graph.output, valueFields(content.output)),
    ]),
    bytesField(model.opset, [varintField(opset.version, OPSET)]),
  ];
  return Buffer.concat(fields.flat());
}

function nodes({ operations, input, output }: OnnxGraph): Pieces[][] {
  const { node } = FIELDS;
  const last = operations.at(-1)?.name;
  const resultOf = (name: string): string => (name === last ? output.name : name);
  return operations.map(({ op, name, inputs, constants = [], attributes = {} }, index) => {
    const before = operations[index - 1]?.name ?? input.name;
    return [
      ...[...(inputs ?? [before]), ...constants.map((constant) => constant.name)].map((source) =>
        bytesField(node.input, source),
      ),
      bytesField(node.output, resultOf(name)),
      bytesField(node.name, name),
      bytesField(node.op, op),
      ...Object.entries(attributes).map((entry) => bytesField(node.attribute, attributeFields(...entry))),
    ];
  });
}

function attributeFields(name: string, value: number | readonly number[]): Pieces[] {
  const { attribute } = FIELDS;
  const isOne = typeof value === 'number';
  return [
    bytesField(attribute.name, name),
    ...(isOne ? [varintField(attribute.int, value)] : value.map((item) => varintField(attribute.ints, item))),
    varintField(attribute.type, isOne ? ATTRIBUTE_INT : ATTRIBUTE_INTS),
  ];
}

function tensorFields({ name, dims, values }: OnnxTensor): Pieces[] {
  const { tensor } = FIELDS;
  return [
    ...dims.map((dim) => varintField(tensor.dims, dim)),
    varintField(tensor.dataType, typeOf(values)),
    bytesField(tensor.name, name),
    // ONNX is little-endian, and so is every machine that TensorFlow's wheels are made for.
    bytesField(tensor.rawData, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  ];
}

function typeOf(values: OnnxTensor['values']): number {
  if (values instanceof Float32Array) return FLOAT;
  if (values instanceof Uint8Array) return UINT8;
  if (values instanceof Int8Array) return INT8;
  return values instanceof Int32Array ? INT32 : INT64;
}

function valueFields({ name, dims }: OnnxEnd): Pieces[] {
  const { value, type, tensorType, shape, dim } = FIELDS;
  const sizes = dims.map((size) =>
    bytesField(shape.dim, [
      typeof size === 'number' ? varintField(dim.value, size) : bytesField(dim.param, size),
    ]),
  );
  const tensor = [varintField(tensorType.elementType, FLOAT), bytesField(tensorType.shape, sizes)];
  return [bytesField(value.name, name), bytesField(value.type, [bytesField(type.tensor, tensor)])];
}
