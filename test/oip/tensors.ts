/** Tensors for any model: made from its metadata, the same each time. */
import { Skip } from './check.ts';

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

export interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | boolean | string)[];
}

interface Datatype {
  readonly bytes: number;
  readonly value: (index: number) => number | boolean | string;
  readonly write: (view: DataView, at: number, value: number) => void;
  readonly read: (view: DataView, at: number) => number;
}

const small = (index: number): number => index % 2;

/** The size of an element, a value that it can hold, and its bytes, little-endian. */
const DATATYPES: Readonly<Record<string, Datatype>> = {
  // Quarters, which float32 holds exactly and JSON writes shortly.
  FP32: {
    bytes: 4,
    value: (index) => ((index * 37) % 1021) / 4 - 127,
    write: (view, at, value) => view.setFloat32(at, value, true),
    read: (view, at) => view.getFloat32(at, true),
  },
  FP64: {
    bytes: 8,
    value: (index) => ((index * 37) % 1021) / 4 - 127,
    write: (view, at, value) => view.setFloat64(at, value, true),
    read: (view, at) => view.getFloat64(at, true),
  },
  BOOL: {
    bytes: 1,
    value: (index) => index % 2 === 1,
    write: (view, at, value) => view.setUint8(at, value),
    read: (view, at) => view.getUint8(at),
  },
  INT8: integer(1, 'Int8'),
  INT16: integer(2, 'Int16'),
  INT32: integer(4, 'Int32'),
  UINT8: integer(1, 'Uint8'),
  UINT16: integer(2, 'Uint16'),
  UINT32: integer(4, 'Uint32'),
  INT64: {
    bytes: 8,
    value: small,
    write: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
    read: (view, at) => Number(view.getBigInt64(at, true)),
  },
  UINT64: {
    bytes: 8,
    value: small,
    write: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
    read: (view, at) => Number(view.getBigUint64(at, true)),
  },
};

/** All of the protocol; of FP16, BF16 and BYTES this suite makes none. */
export const DATATYPE_NAMES: readonly string[] = [...Object.keys(DATATYPES), 'FP16', 'BF16', 'BYTES'];

/** @throws Skip where the model takes what is not made here */
export function tensorsFor(inputs: readonly TensorMetadata[], batch: number): Tensor[] {
  return inputs.map(({ name, datatype, shape: declared }) => {
    const { value } = datatypeOf(datatype);
    const shape = declared.map((length, index) => (length >= 0 ? length : index === 0 ? batch : 1));
    return {
      name,
      datatype,
      shape,
      data: Array.from({ length: product(shape) }, (_, index) => value(index)),
    };
  });
}

export function bytesOf({ datatype, data }: Tensor): Uint8Array {
  const { bytes, write } = datatypeOf(datatype);
  const view = new DataView(new ArrayBuffer(data.length * bytes));
  for (const [index, value] of data.entries()) write(view, index * bytes, Number(value));
  return new Uint8Array(view.buffer);
}

export function valuesOf(datatype: string, raw: Uint8Array): number[] {
  const { bytes, read } = datatypeOf(datatype);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: Math.floor(raw.byteLength / bytes) }, (_, index) => read(view, index * bytes));
}

export function nested({ shape, data }: Tensor): unknown {
  return shape.reduceRight<unknown[]>(
    (flat, length, depth) => (depth === 0 ? flat : chunks(flat, length)),
    [...data],
  );
}

export function product(shape: readonly number[]): number {
  return shape.reduce((so, length) => so * length, 1);
}

function chunks(flat: readonly unknown[], length: number): unknown[] {
  return Array.from({ length: Math.ceil(flat.length / length) }, (_, index) =>
    flat.slice(index * length, (index + 1) * length),
  );
}

function datatypeOf(name: string): Datatype {
  const datatype = DATATYPES[name];
  if (datatype === undefined)
    throw new Skip(`the model has a tensor of ${name}, which this suite makes none of`);
  return datatype;
}

function integer(bytes: number, name: 'Int8' | 'Int16' | 'Int32' | 'Uint8' | 'Uint16' | 'Uint32'): Datatype {
  return {
    bytes,
    value: small,
    write: (view, at, value) => view[`set${name}`](at, value, true),
    read: (view, at) => view[`get${name}`](at, true),
  };
}
