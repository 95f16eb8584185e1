/** Files of a dataset → decoded images → the network's input. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decodeImage,
  ImagingError,
  toTensor,
  type checkDomain,
  type Contract,
  type Image,
} from '@hilum/imaging';
import { TrainerError } from '../errors.ts';

/**
 * One image of a dataset as the network's input, `s * s * 3` float32.
 *
 * @throws TrainerError UNREADABLE_IMAGE
 */
export async function readTensor(
  dir: string,
  file: string,
  contract: Contract,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return tensorOf(await decoded(await readBytes(dir, file), file, signal), file, contract);
}

/**
 * @param seen what was found out about the image before
 * @throws TrainerError UNREADABLE_IMAGE
 */
export function tensorOf(
  image: Image,
  file: string,
  contract: Contract,
  seen?: ReturnType<typeof checkDomain>,
): Promise<Float32Array> {
  return named(file, () => toTensor(image, contract, seen).tensor);
}

/** @throws TrainerError UNREADABLE_IMAGE */
export function decoded(bytes: Uint8Array, file: string, signal?: AbortSignal): Promise<Image> {
  return named(file, () => decodeImage(bytes, { signal }));
}

/** @throws TrainerError UNREADABLE_IMAGE */
export async function readBytes(dir: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(join(dir, file));
  } catch (cause) {
    throw new TrainerError('UNREADABLE_IMAGE', `${file}: the file cannot be read`, { cause });
  }
}

/** A refusal, with the file that it is about. */
async function named<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ImagingError)) throw cause;
    throw new TrainerError('UNREADABLE_IMAGE', `${file}: ${cause.code}: ${cause.message}`, { cause });
  }
}
