/** Tensors by the Open Inference Protocol, as JSON or with their bytes behind it. */
import { type InferResponse, inferResponseSchema } from '@hilum/wire';
import { HilumError } from './error.ts';
import type { Sent } from './images.ts';

export interface Tensor {
  /** Row-major: images one after the other, as `toTensor` of imaging makes them. */
  readonly values: Float32Array;
  /** `[n, s, s, 3]`. */
  readonly shape: readonly number[];
}

export interface Inference {
  readonly model: string;
  readonly version: string | undefined;
  /** By name; `probabilities` is `[n, labels]`, as the network gave them. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** The labels, digests and the notice. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
}

export type Encoding = 'binary' | 'json';

const INPUT = 'image';
const JSON_LENGTH = 'inference-header-content-length';

export function sentTensor({ values, shape }: Tensor, encoding: Encoding): Sent {
  const input = { name: INPUT, datatype: 'FP32', shape };
  if (encoding === 'json') {
    const body = JSON.stringify({ inputs: [{ ...input, data: [...values] }] });
    return { headers: { 'content-type': 'application/json' }, body: () => body };
  }
  const bytes = littleEndian(values);
  const json = new TextEncoder().encode(
    JSON.stringify({
      inputs: [{ ...input, parameters: { binary_data_size: bytes.byteLength } }],
      parameters: { binary_data_output: true },
    }),
  );
  return {
    headers: { 'content-type': 'application/octet-stream', [JSON_LENGTH]: String(json.byteLength) },
    body: () => new Blob([json, bytes]),
  };
}

/** @throws HilumError NOT_HILUM */
export async function readInference(response: Response): Promise<Inference> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const length = Number(response.headers.get(JSON_LENGTH) ?? bytes.byteLength);
  try {
    const json = new TextDecoder().decode(bytes.subarray(0, length));
    return inferenceOf(inferResponseSchema.parse(JSON.parse(json)), bytes.subarray(length));
  } catch (cause) {
    throw new HilumError('NOT_HILUM', 'the answer is none of the Open Inference Protocol', { cause });
  }
}

function inferenceOf(answer: InferResponse, rest: Uint8Array): Inference {
  let at = 0;
  const outputs = answer.outputs.map(({ name, shape, data, parameters }) => {
    const size = parameters?.['binary_data_size'];
    if (typeof size !== 'number') return [name, { shape, values: Float32Array.from(data ?? []) }] as const;
    const part = rest.slice(at, (at += size));
    return [name, { shape, values: fromLittleEndian(part) }] as const;
  });
  return {
    model: answer.model_name,
    version: answer.model_version,
    outputs: Object.fromEntries(outputs),
    parameters: answer.parameters,
  };
}

function littleEndian(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.byteLength);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setFloat32(index * 4, value, true);
  return bytes;
}

function fromLittleEndian(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, index) => view.getFloat32(index * 4, true));
}
