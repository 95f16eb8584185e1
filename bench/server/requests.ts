/** The same eight images in the words of each server. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** `png`: 512 x 512 grey, about 47 KB. `json`: the tensor as v2 JSON, 1.3 MB. `binary`: as v2 binary, 0.6 MB. */
const KINDS = ['png', 'json', 'binary'] as const;
export type Kind = (typeof KINDS)[number];

export interface Asked {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** How one server is asked, and where in its answer the probability is. */
export interface Dialect {
  readonly asked: readonly Asked[];
  readonly read: (answer: unknown) => unknown;
}

export interface Payloads {
  readonly pngs: readonly Buffer[];
  readonly tensors: readonly Float32Array[];
  /** Probability of the second label, by the pipeline of the peers: PIL's resize and onnxruntime. */
  readonly expected: readonly number[];
  readonly side: number;
}

export async function readPayloads(dir: string, side: number): Promise<Payloads> {
  const expected = z.array(z.number()).parse(JSON.parse(await readFile(join(dir, 'expected.json'), 'utf8')));
  const read = (index: number, ending: string) => readFile(join(dir, `${index}.${ending}`));
  const indexes = [...expected.keys()];
  return {
    expected,
    side,
    pngs: await Promise.all(indexes.map((index) => read(index, 'png'))),
    tensors: await Promise.all(
      indexes.map(async (index) => new Float32Array(new Uint8Array(await read(index, 'f32')).buffer)),
    ),
  };
}

const BOUNDARY = 'hilum-bench';

export function upload(path: string, { pngs }: Payloads, read: Dialect['read'], field = 'file'): Dialect {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${field}"; filename="ct.png"\r\nContent-Type: image/png\r\n\r\n`;
  const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
  const body = (png: Buffer) =>
    Buffer.concat([Buffer.from(head), png, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
  return { read, asked: pngs.map((png) => ({ path, headers, body: body(png) })) };
}

export function raw(path: string, { pngs }: Payloads, read: Dialect['read']): Dialect {
  return { read, asked: pngs.map((body) => ({ path, headers: { 'content-type': 'image/png' }, body })) };
}

export function json(path: string, bodies: readonly unknown[], read: Dialect['read']): Dialect {
  const headers = { 'content-type': 'application/json' };
  return { read, asked: bodies.map((body) => ({ path, headers, body: Buffer.from(JSON.stringify(body)) })) };
}

/** Flat values of three decimals: bytes less a mean have no more, and the body is smaller. */
export function v2Json(path: string, { tensors, side }: Payloads, read: Dialect['read']): Dialect {
  const headers = { 'content-type': 'application/json' };
  const bodyOf = (tensor: Float32Array): string => {
    const data = Array.from(tensor, (value) => value.toFixed(3)).join(',');
    return `{"inputs":[{"name":"image","shape":[1,${side},${side},3],"datatype":"FP32","data":[${data}]}]}`;
  };
  return { read, asked: tensors.map((tensor) => ({ path, headers, body: Buffer.from(bodyOf(tensor)) })) };
}

export function v2Binary(
  path: string,
  { tensors, side }: Payloads,
  output: string,
  read: Dialect['read'],
): Dialect {
  const asked = tensors.map((tensor) => {
    const bytes = Buffer.from(tensor.buffer, tensor.byteOffset, tensor.byteLength);
    const image = { name: 'image', shape: [1, side, side, 3], datatype: 'FP32' };
    return v2Bytes(path, { ...image, parameters: { binary_data_size: bytes.length } }, bytes, output);
  });
  return { read, asked };
}

/** A PNG as a BYTES tensor, its length in front. */
export function v2Png(path: string, { pngs }: Payloads, output: string, read: Dialect['read']): Dialect {
  const asked = pngs.map((png) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(png.length);
    const bytes = Buffer.concat([length, png]);
    const input = { name: 'bytes', shape: [1, 1], datatype: 'BYTES' };
    return v2Bytes(path, { ...input, parameters: { binary_data_size: bytes.length } }, bytes, output);
  });
  return { read, asked };
}

function v2Bytes(path: string, input: object, bytes: Buffer, output: string): Asked {
  const outputs = [{ name: output, parameters: { binary_data: false } }];
  const head = Buffer.from(JSON.stringify({ inputs: [input], outputs }));
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(head.length),
  };
  return { path, headers, body: Buffer.concat([head, bytes]) };
}

/** `[side, side, 3]` as nested lists of three decimals. */
export function nested(tensor: Float32Array, side: number): number[][][] {
  return Array.from({ length: side }, (_, row) =>
    Array.from({ length: side }, (__, column) => {
      const at = (row * side + column) * 3;
      return Array.from(tensor.subarray(at, at + 3), (value) => Number(value.toFixed(3)));
    }),
  );
}
