import { FIELDS, FLOAT } from './fields.ts';
import { readFields } from './wire.ts';

/** A float tensor that an ONNX graph carries. */
export interface Initializer {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** The fp32 initializers of an ONNX model by name. Those of other types, and those kept outside the file, are left out. */
export function readInitializers(model: Uint8Array): ReadonlyMap<string, Initializer> {
  const found = new Map<string, Initializer>();
  for (const graph of messages(model, FIELDS.model.graph)) {
    for (const tensor of messages(graph, FIELDS.graph.initializer)) {
      const { name, ...rest } = readTensor(tensor);
      if (rest.values !== undefined) found.set(name, { dims: rest.dims, values: rest.values });
    }
  }
  return found;
}

function* messages(parent: Uint8Array, number: number): Generator<Uint8Array> {
  for (const field of readFields(parent)) {
    if (field.number === number && typeof field.value !== 'number') yield field.value;
  }
}

function readTensor(tensor: Uint8Array): { name: string; dims: number[]; values: Float32Array | undefined } {
  const dims: number[] = [];
  let name = '';
  let type: number | undefined;
  let raw: Uint8Array | undefined;
  for (const { number, value } of readFields(tensor)) {
    if (typeof value === 'number') {
      if (number === FIELDS.tensor.dims) dims.push(value);
      else if (number === FIELDS.tensor.dataType) type = value;
    } else if (number === FIELDS.tensor.name) name = Buffer.from(value).toString();
    else if (number === FIELDS.tensor.rawData) raw = value;
    else if (number === FIELDS.tensor.dims) dims.push(...packed(value));
  }
  const isFloat = type === FLOAT && raw !== undefined && raw.length % 4 === 0;
  return { name, dims, values: isFloat ? new Float32Array(Uint8Array.from(raw ?? []).buffer) : undefined };
}

/** Repeated numbers packed into one field: read as if each were field 1 of a message. */
function packed(value: Uint8Array): number[] {
  const numbers: number[] = [];
  let number = 0;
  let scale = 1;
  for (const byte of value) {
    number += (byte & 127) * scale;
    scale *= 128;
    if (byte >= 128) continue;
    numbers.push(number);
    number = 0;
    scale = 1;
  }
  return numbers;
}
