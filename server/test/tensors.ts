/** Inputs of the network for the tests of the tensor protocols, and what the classifier alone makes of them. */
import { decodeImage, toTensor } from '@hilum/imaging';
import { INPUT_SIZE, RENDERING, iqOthJpeg, lidcPng } from './fixtures.ts';

export const PIXELS = INPUT_SIZE * INPUT_SIZE * 3;

/** Two real images, by the contract of the tests, one after the other. */
export async function twoImages(): Promise<Float32Array> {
  const both = new Float32Array(2 * PIXELS);
  for (const [at, load] of [lidcPng, iqOthJpeg].entries()) {
    both.set(toTensor(await decodeImage(await load()), RENDERING).tensor, at * PIXELS);
  }
  return both;
}

/** As `[n, s, s, 3]`. */
export function nestedImages(values: Float32Array): number[][][][] {
  const n = values.length / PIXELS;
  return Array.from({ length: n }, (_i, image) =>
    Array.from({ length: INPUT_SIZE }, (_y, y) =>
      Array.from({ length: INPUT_SIZE }, (_x, x) => {
        const at = image * PIXELS + (y * INPUT_SIZE + x) * 3;
        return [...values.subarray(at, at + 3)];
      }),
    ),
  );
}

export function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** JSON with the bytes of tensors behind it. */
export function withBytes(json: object, ...parts: readonly Uint8Array[]) {
  const head = Buffer.from(JSON.stringify(json));
  return {
    payload: Buffer.concat([head, ...parts]),
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(head.byteLength),
    },
  };
}

/** The largest difference; infinite where one has more values than the other. */
export function distance(have: Iterable<number>, want: Iterable<number>): number {
  const [one, other] = [[...have], [...want]];
  if (one.length !== other.length || one.length === 0) return Number.POSITIVE_INFINITY;
  return Math.max(...one.map((value, at) => Math.abs(value - (other[at] ?? Number.NaN))));
}
