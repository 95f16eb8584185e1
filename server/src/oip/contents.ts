/** The contents of a tensor, in each of the forms that the protocols send them in, as inputs of the network. */
import { ServerError } from '../errors.ts';

export type Contents =
  /** Parsed JSON: flat, then perhaps a Float32Array, or nested as the shape says. */
  | { readonly kind: 'json'; readonly data: unknown }
  /** Little-endian, row-major; of BYTES each element behind its length in 4 bytes. */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  /** As gRPC has them, flat. */
  | { readonly kind: 'numbers'; readonly values: readonly number[] }
  | { readonly kind: 'items'; readonly items: readonly Uint8Array[] };

/**
 * Images of float32, each with memory of its own: an engine may take it to its thread.
 *
 * @param shape `[n, s, s, 3]`
 * @throws ServerError TENSOR_INVALID: too few, too many, or something that is no finite number
 */
export function floatImages(contents: Contents, shape: readonly number[]): Float32Array[] {
  const [n = 0, ...rest] = shape;
  const size = rest.reduce((product, length) => product * length, 1);
  const images = Array.from({ length: n }, () => new Float32Array(size));
  switch (contents.kind) {
    case 'raw':
      copyBytes(contents.bytes, images, size);
      break;
    case 'numbers':
      copyFlat(contents.values, images, size);
      break;
    case 'json':
      copyJson(contents.data, images, shape);
      break;
    case 'items':
    default:
      throw new ServerError('TENSOR_INVALID', 'a tensor of FP32 holds numbers, not bytes');
  }
  for (const image of images) assertFinite(image);
  return images;
}

/**
 * The elements of a tensor of BYTES; in JSON they are base64.
 *
 * @throws ServerError TENSOR_INVALID
 */
export function byteItems(contents: Contents, n: number): readonly Uint8Array[] {
  const items = allItems(contents);
  if (items.length !== n) throw mismatch(items.length, n);
  return items;
}

function allItems(contents: Contents): readonly Uint8Array[] {
  switch (contents.kind) {
    case 'raw':
      return prefixedItems(contents.bytes);
    case 'items':
      return contents.items;
    case 'json':
      return base64Items(contents.data);
    case 'numbers':
    default:
      throw new ServerError('TENSOR_INVALID', 'a tensor of BYTES holds bytes, not numbers');
  }
}

function copyBytes(bytes: Uint8Array, images: readonly Float32Array[], size: number): void {
  const want = images.length * size * 4;
  if (bytes.byteLength !== want) {
    throw new ServerError('TENSOR_INVALID', `the shape takes ${want} bytes, not ${bytes.byteLength}`);
  }
  for (const [index, image] of images.entries()) {
    new Uint8Array(image.buffer).set(bytes.subarray(index * size * 4, (index + 1) * size * 4));
  }
}

function copyJson(data: unknown, images: readonly Float32Array[], shape: readonly number[]): void {
  if (data instanceof Float32Array) {
    const size = images[0]?.length ?? 0;
    if (data.length !== images.length * size) throw mismatch(data.length, images.length * size);
    for (const [index, image] of images.entries()) image.set(data.subarray(index * size, (index + 1) * size));
    return;
  }
  if (!Array.isArray(data)) {
    throw new ServerError(
      'TENSOR_INVALID',
      'the tensor has neither `data`, an array, nor `binary_data_size`',
    );
  }
  if (!Array.isArray(data[0])) {
    copyFlat(data, images, images[0]?.length ?? 0);
    return;
  }
  if (data.length !== images.length) throw mismatch(data.length, images.length);
  for (const [index, image] of images.entries()) copyNested(data[index], image, shape, 1, 0);
}

function copyFlat(values: readonly unknown[], images: readonly Float32Array[], size: number): void {
  const want = images.length * size;
  if (values.length !== want) throw mismatch(values.length, want);
  let at = 0;
  for (const image of images) {
    for (let index = 0; index < size; index += 1) image[index] = numberOf(values[at++]);
  }
}

/** Returns where the next value goes. As deep as the shape, whatever the data is. */
function copyNested(
  data: unknown,
  image: Float32Array,
  shape: readonly number[],
  depth: number,
  from: number,
): number {
  const length = shape[depth] ?? 0;
  if (!Array.isArray(data) || data.length !== length) {
    const have = Array.isArray(data) ? `an array of ${data.length}` : typeof data;
    throw new ServerError('TENSOR_INVALID', `dimension ${depth} holds ${have}, not an array of ${length}`);
  }
  let at = from;
  if (depth === shape.length - 1) {
    for (let index = 0; index < length; index += 1) image[at++] = numberOf(data[index]);
    return at;
  }
  for (let index = 0; index < length; index += 1) at = copyNested(data[index], image, shape, depth + 1, at);
  return at;
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  throw new ServerError('TENSOR_INVALID', `the tensor holds something that is ${typeof value} and no number`);
}

/** The network would answer with something that is no probability, as if it were its own mistake. */
function assertFinite(image: Float32Array): void {
  // A double holds any sum of finite float32, and what is not finite stays in it; a question a value takes ten times as long.
  let sum = 0;
  for (let at = 0; at < image.length; at += 1) sum += image[at] as number;
  if (Number.isFinite(sum)) return;
  throw new ServerError('TENSOR_INVALID', 'the tensor holds something that is no finite float32');
}

function prefixedItems(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const length = at + 4 <= bytes.byteLength ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > bytes.byteLength) {
      throw new ServerError(
        'TENSOR_INVALID',
        `element ${items.length} is longer than the bytes of its tensor`,
      );
    }
    items.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return items;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function base64Items(data: unknown): Uint8Array[] {
  const flat: unknown = Array.isArray(data) ? data.flat() : undefined;
  if (!Array.isArray(flat)) throw new ServerError('TENSOR_INVALID', 'the tensor has no `data`, an array');
  return flat.map((item: unknown) => {
    if (typeof item !== 'string' || item.length % 4 !== 0 || !BASE64.test(item)) {
      throw new ServerError('TENSOR_INVALID', 'an element of BYTES is base64 in JSON');
    }
    return Buffer.from(item, 'base64');
  });
}

function mismatch(have: number, want: number): ServerError {
  return new ServerError('TENSOR_INVALID', `the shape takes ${want} values, not ${have}`);
}
