/** The way of all protocols of tensors through the engine: images in, the network's own words out. */
import { decodeImage, prepareImage } from '@hilum/imaging';
import { answerOf } from '@hilum/model';
import { NOTICE } from '@hilum/wire';
import { ServerError, toServerError } from '../errors.ts';
import type { Job } from '../gate.ts';
import type { Metrics } from '../metrics.ts';
import type { ServedModel } from '../readiness.ts';
import type { AskedImage, InferAsk } from './ask.ts';
import { TENSORS } from './model.ts';

/** `[n, labels]`, row-major, FP32. */
export interface OutputTensor {
  readonly name: string;
  readonly shape: readonly [number, number];
  readonly values: Float32Array;
}

/**
 * How many images of one request are in the queue or the engine at a time: every lane busy and one batch more on its
 * way. A request of many images must not fill the queue in which others wait.
 */
export function roomFor(images: number, { engine }: ServedModel): number {
  return Math.min(images, 2 * engine.lanes * engine.maxBatch);
}

export async function infer(job: Job, ask: InferAsk, metrics: Metrics): Promise<OutputTensor[]> {
  const { served } = job;
  const { labels } = served.info;
  const rows = await inTurns(ask.images, roomFor(ask.images.length, served), (image, index) =>
    inferImage(job, image, metrics).catch((error: unknown) => {
      throw ask.images.length === 1 ? error : namingImage(error, index);
    }),
  );
  return ask.outputs.map((name) => {
    const values = new Float32Array(rows.length * labels.length);
    for (const [index, row] of rows.entries()) {
      values.set(name === TENSORS.calibrated ? calibrated(row, served) : row, index * labels.length);
    }
    return { name, shape: [rows.length, labels.length], values };
  });
}

/** What every answer says of itself. */
export function answerParameters({ served, requestId }: Job): Record<string, string> {
  const { info, contract } = served;
  return {
    labels: info.labels.join(','),
    digest: info.digest,
    contract,
    request_id: requestId,
    notice: NOTICE,
  };
}

async function inferImage(job: Job, image: AskedImage, metrics: Metrics): Promise<Float32Array> {
  job.signal.throwIfAborted();
  const isFile = 'file' in image;
  const tensor = isFile ? await tensorOf(job, image.file, metrics) : image.tensor;
  const source = isFile ? { bytes: image.file } : undefined;
  const { probabilities } = await job.infer(tensor, { source });
  // NaN compares false with everything; a net that overflowed must not become an answer.
  if (!probabilities.every((p) => p >= 0 && p <= 1)) {
    throw new ServerError('ENGINE_FAILED', 'the model answered with something that is no probability');
  }
  return probabilities;
}

async function tensorOf(
  { served, signal, timed }: Job,
  file: Uint8Array,
  metrics: Metrics,
): Promise<Float32Array> {
  const { contract } = served.info;
  const { value: image } = await timed('decode', () => decodeImage(file, { signal }));
  signal.throwIfAborted();
  metrics.images.inc({ format: image.source });
  const prepared = await timed('preprocess', () => prepareImage(image, contract, { signal }));
  for (const { code } of prepared.value.warnings) metrics.warnings.inc({ code });
  return prepared.value.tensor;
}

function calibrated(row: Float32Array, { info }: ServedModel): number[] {
  const { labels, positiveLabel, decision } = info;
  const raw = Object.fromEntries(labels.map((label, index) => [label, row[index] ?? Number.NaN]));
  const { probabilities } = answerOf(raw, 'image', labels, positiveLabel, decision);
  return labels.map((label) => probabilities[label] ?? Number.NaN);
}

function namingImage(thrown: unknown, index: number): ServerError {
  const error = toServerError(thrown);
  const { retryAfterSeconds } = error;
  return new ServerError(error.code, `image ${index}: ${error.message}`, {
    cause: error.cause,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** Results in the order of the items; at most `width` at a time, and none begun after the first failure. */
async function inTurns<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let failed = false;
  const walk = async (): Promise<void> => {
    for (let index = next++; index < items.length && !failed; index = next++) {
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, width) }, walk));
  return results;
}
