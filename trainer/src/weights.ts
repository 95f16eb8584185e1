/** Base weights for a run: a canonical file, a Keras or ONNX file to convert, or an address to fetch it from. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { convertBaseWeights, readBaseWeights, WeightsError, type BaseWeights } from '@hilum/model';
import { TrainerError } from './errors.ts';

/** @throws TrainerError WEIGHTS_MISSING, WEIGHTS_DIGEST_MISMATCH, WEIGHTS_FORMAT */
export async function readWeights(path: string): Promise<BaseWeights> {
  return coded(() => readBaseWeights(path));
}

export interface FetchWeights {
  readonly uri: string;
  /** Hex, of the file at `uri`. */
  readonly sha256: string;
  /** Folder for the file. */
  readonly into: string;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof fetch;
}

/**
 * Downloads base weights and converts them where they are Keras' (.h5) or ONNX.
 *
 * @returns path of the canonical file
 * @throws TrainerError WEIGHTS_UNREACHABLE, WEIGHTS_MISSING, WEIGHTS_DIGEST_MISMATCH, WEIGHTS_FORMAT
 */
export async function fetchWeights({ uri, sha256, into, signal, ...options }: FetchWeights): Promise<string> {
  await mkdir(into, { recursive: true });
  const extension = extname(new URL(uri).pathname).toLowerCase();
  const source = join(into, `base-weights${extension}`);
  const scratch = `${source}.part`;
  try {
    const got = await download(uri, scratch, options.fetch ?? fetch, signal);
    if (got !== sha256) {
      throw new TrainerError(
        'WEIGHTS_DIGEST_MISMATCH',
        `the base weights have sha256 ${got}, asked for is ${sha256}`,
      );
    }
    await rename(scratch, source);
  } finally {
    await rm(scratch, { force: true });
  }
  if (extension !== '.h5' && extension !== '.onnx') return source;
  const converted = join(into, 'base-weights.f32');
  await coded(() => convertBaseWeights(source, converted));
  return converted;
}

/** @returns hex sha256 of what was written */
async function download(uri: string, to: string, call: typeof fetch, signal?: AbortSignal): Promise<string> {
  const deadline = AbortSignal.timeout(1_800_000);
  const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const hash = createHash('sha256');
  try {
    const response = await call(uri, { signal: either });
    if (response.status === 404 || response.status === 410) {
      throw new TrainerError('WEIGHTS_MISSING', `the base weights' address answers ${response.status}`);
    }
    if (!response.ok || response.body === null) throw unreachable(`answers ${response.status}`);
    const hashed = async function* (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(Readable.fromWeb(response.body), hashed, createWriteStream(to), { signal: either });
    return hash.digest('hex');
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof TrainerError ? cause : unreachable('does not answer', cause);
  }
}

async function coded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof WeightsError)) throw cause;
    throw new TrainerError(cause.code, cause.message, { cause });
  }
}

function unreachable(message: string, cause?: unknown): TrainerError {
  return new TrainerError('WEIGHTS_UNREACHABLE', `the base weights' address ${message}`, { cause });
}
