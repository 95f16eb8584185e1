/** An inference request of any form of the protocol, checked against the model: what is to be inferred, and answered. */
import { ServerError } from '../errors.ts';
import type { ServedModel } from '../readiness.ts';
import { type Contents, byteItems, floatImages } from './contents.ts';
import { MAX_IMAGES } from './json.ts';
import { TENSORS, outputNames } from './model.ts';

export interface InputTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly contents: Contents;
}

/** The request, as a protocol reads it. */
export interface RawAsk {
  readonly inputs: readonly InputTensor[];
  /** Names; absent or empty for all. */
  readonly outputs?: readonly string[];
}

/** One image of a request: a tensor, or the file that becomes one. */
export type AskedImage = { readonly tensor: Float32Array } | { readonly file: Uint8Array };

export interface InferAsk {
  readonly images: readonly AskedImage[];
  readonly outputs: readonly string[];
}

/** @throws ServerError TENSOR_UNKNOWN, TENSOR_INVALID, BATCH_TOO_LARGE */
export function readAsk({ inputs, outputs = [] }: RawAsk, served: ServedModel): InferAsk {
  const known = outputNames(served);
  for (const name of outputs) {
    if (!known.includes(name)) throw unknown('output', name, known);
  }
  if (new Set(outputs).size !== outputs.length) {
    throw new ServerError('TENSOR_INVALID', 'an output is asked for twice');
  }
  const [input, ...more] = inputs;
  if (input === undefined || more.length > 0) {
    throw new ServerError('TENSOR_INVALID', `${inputs.length} inputs were sent; the model takes one`);
  }
  return { images: imagesOf(input, served), outputs: outputs.length === 0 ? known : outputs };
}

/** Microseconds, as Triton has it; 0 and none are the server's own limit. */
export function deadlineOf(timeoutUs: number | undefined): { readonly deadlineMs?: number } {
  return timeoutUs === undefined || timeoutUs <= 0 ? {} : { deadlineMs: Math.max(1, timeoutUs / 1000) };
}

function imagesOf(input: InputTensor, served: ServedModel): AskedImage[] {
  const { inputSize } = served.info.contract;
  switch (input.name) {
    case TENSORS.image: {
      assertShape(input, 'FP32', [inputSize, inputSize, 3]);
      return floatImages(input.contents, input.shape).map((tensor) => ({ tensor }));
    }
    case TENSORS.encoded: {
      // [n] or, as some clients batch, [n, 1].
      const isColumn = input.shape.length === 2;
      assertShape(input, 'BYTES', isColumn ? [1] : []);
      return byteItems(input.contents, input.shape[0] ?? 0).map((file) => ({ file }));
    }
    default:
      throw unknown('input', input.name, [TENSORS.image, TENSORS.encoded]);
  }
}

function assertShape({ name, datatype, shape }: InputTensor, want: string, rest: readonly number[]): void {
  if (datatype !== want) throw new ServerError('TENSOR_INVALID', `${name} is ${want}, not the datatype sent`);
  const [n = 0, ...have] = shape;
  if (have.join() !== rest.join() || n < 1) {
    throw new ServerError(
      'TENSOR_INVALID',
      `${name} is [${['n', ...rest].join(', ')}], not [${shape.join(', ')}]`,
    );
  }
  if (n > MAX_IMAGES) {
    throw new ServerError('BATCH_TOO_LARGE', `${n} images were sent; ${MAX_IMAGES} are taken at once`);
  }
}

function unknown(what: string, name: string, known: readonly string[]): ServerError {
  // What a client calls a tensor is not repeated at length.
  const shown = /^[\w.-]{1,64}$/.test(name) ? name : 'of this name';
  return new ServerError('TENSOR_UNKNOWN', `there is no ${what} ${shown}; there is ${known.join(', ')}`);
}
