/** Field numbers of onnx.proto3, as far as we read and write them. */
export const FIELDS = {
  model: { irVersion: 1, producer: 2, producerVersion: 3, doc: 6, graph: 7, opset: 8 },
  opset: { version: 2 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, op: 4, attribute: 5 },
  attribute: { name: 1, int: 3, ints: 8, type: 20 },
  tensor: { dims: 1, dataType: 2, name: 8, rawData: 9 },
  value: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { elementType: 1, shape: 2 },
  shape: { dim: 1 },
  dim: { value: 1, param: 2 },
} as const;

/** TensorProto.DataType */
export const FLOAT = 1;
export const UINT8 = 2;
export const INT8 = 3;
export const INT32 = 6;
export const INT64 = 7;

/** AttributeProto.AttributeType */
export const ATTRIBUTE_INT = 2;
export const ATTRIBUTE_INTS = 7;
