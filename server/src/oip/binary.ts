/**
 * Triton's binary tensor extension: the JSON first, then the bytes of those tensors that say so, in their order.
 *
 * `Inference-Header-Content-Length` says where the JSON ends.
 */
import { ServerError } from '../errors.ts';

export const JSON_LENGTH_HEADER = 'inference-header-content-length';

export interface SplitBody {
  readonly json: Uint8Array;
  readonly rest: Uint8Array;
}

/** @throws ServerError JSON_INVALID: the header says what cannot be */
export function splitBody(body: Uint8Array, header: string | string[] | undefined): SplitBody {
  if (header === undefined) return { json: body, rest: new Uint8Array() };
  const length = typeof header === 'string' && /^[0-9]{1,10}$/.test(header) ? Number(header) : Number.NaN;
  if (!(length <= body.byteLength)) {
    throw new ServerError('JSON_INVALID', `${JSON_LENGTH_HEADER} is no length of a part of the body`);
  }
  return { json: body.subarray(0, length), rest: body.subarray(length) };
}

/** Gives out the bytes behind the JSON, tensor by tensor. */
export class BinaryParts {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @throws ServerError TENSOR_INVALID */
  take(size: number): Uint8Array {
    const until = this.#at + size;
    if (until > this.#bytes.byteLength) {
      throw new ServerError('TENSOR_INVALID', 'the tensors are longer than the bytes behind the JSON');
    }
    const part = this.#bytes.subarray(this.#at, until);
    this.#at = until;
    return part;
  }

  /** @throws ServerError TENSOR_INVALID: bytes that belong to no tensor */
  assertEmpty(): void {
    const left = this.#bytes.byteLength - this.#at;
    if (left > 0)
      throw new ServerError('TENSOR_INVALID', `${left} bytes behind the JSON belong to no tensor`);
  }
}

/** Little-endian, as all machines are that the engines run on. */
export function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
