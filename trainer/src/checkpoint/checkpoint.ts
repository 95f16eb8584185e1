/**
 * A checkpoint as bytes: the hex sha256 of all that follows, one line of JSON, and the tensors as little-endian float32
 * in the order in which the line lists their shapes. What was cut or altered anywhere does not have its sha256.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

/** All that the next step of a run depends on. */
export interface Checkpoint {
  /** Digest of everything that decides the run; another key is another run. */
  readonly key: string;
  /** The epoch that goes on, from 1; one past the last where training has ended. */
  readonly epoch: number;
  /** Steps of it that are done. */
  readonly step: number;
  /** Sum of its losses so far, each times the images of its batch. */
  readonly lossSum: number;
  /** The figures of every epoch before it. */
  readonly epochs: readonly z.infer<typeof epochSchema>[];
  /** Of the tail, in its order; and of the best epoch, none before there is one. */
  readonly weights: readonly Values[];
  readonly best: readonly Values[];
  /** What the optimiser remembers. */
  readonly slots: readonly Values[];
}

/** One tensor. */
export interface Values {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Raised with every change of what is in a checkpoint or what its numbers mean. */
const FORMAT = 1;

const epochSchema = z.strictObject({
  epoch: z.int().positive(),
  epochs: z.int().positive(),
  loss: z.number(),
  valLoss: z.number(),
  valAccuracy: z.number(),
  valAucRoc: z.number(),
  learningRate: z.number(),
  imagesPerSecond: z.number(),
  endedAtMs: z.number(),
});

const shapes = z.array(z.array(z.int().nonnegative()));

const headerSchema = z.strictObject({
  format: z.literal(FORMAT),
  key: z.string(),
  epoch: z.int().positive(),
  step: z.int().nonnegative(),
  lossSum: z.number(),
  epochs: z.array(epochSchema),
  weights: shapes,
  best: shapes,
  slots: shapes,
});

const DIGEST_CHARACTERS = 64;
const NEW_LINE = 0x0a;

/** @returns the bytes in parts, which share memory with the checkpoint */
export function encodeCheckpoint(checkpoint: Checkpoint): readonly Uint8Array[] {
  const { weights, best, slots, ...rest } = checkpoint;
  const header: z.infer<typeof headerSchema> = {
    format: FORMAT,
    ...rest,
    epochs: [...rest.epochs],
    weights: shapesOf(weights),
    best: shapesOf(best),
    slots: shapesOf(slots),
  };
  const body = [...weights, ...best, ...slots].map(
    ({ values }) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
  const parts = [Buffer.from(`${JSON.stringify(header)}\n`), ...body];
  return [Buffer.from(`${sha256(parts)}\n`), ...parts];
}

/** @returns the checkpoint, or why these bytes are none */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint | string {
  const start = DIGEST_CHARACTERS + 1;
  const digest = Buffer.from(bytes.subarray(0, start)).toString('latin1');
  if (digest !== `${sha256([bytes.subarray(start)])}\n`) return 'it is damaged or was not written to its end';
  const end = bytes.indexOf(NEW_LINE, start);
  const header = headerSchema.safeParse(parsed(Buffer.from(bytes.subarray(start, end)).toString()));
  if (!header.success) return 'it is of another version of Hilum';
  const { format: _, weights, best, slots, ...rest } = header.data;
  let at = end + 1;
  const read = (shape: readonly number[]): Values => {
    const floats = shape.reduce((product, side) => product * side, 1);
    // A copy, as tensors need not begin at a multiple of four; `slice` of a Buffer is none.
    const copy = new Uint8Array(bytes.subarray(at, at + floats * 4));
    at += floats * 4;
    return { shape, values: new Float32Array(copy.buffer) };
  };
  return { ...rest, weights: weights.map(read), best: best.map(read), slots: slots.map(read) };
}

function shapesOf(tensors: readonly Values[]): number[][] {
  return tensors.map(({ shape }) => [...shape]);
}

function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
