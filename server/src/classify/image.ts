/** One image: decoded, checked, scored, answered. */
import { type Image, checkDomain, decodeImage, toTensor } from '@hilum/imaging';
import type { Classification } from '@hilum/wire';
import type { Job } from '../gate.ts';
import type { Metrics } from '../metrics.ts';
import type { Facts } from '../observe/witness.ts';
import { classificationOf, rawOf } from './answer.ts';

export interface Desk {
  readonly metrics: Metrics;
  /** Adds to the line that is logged of the request. */
  readonly note: (facts: Facts) => void;
}

/** @throws ImagingError for an image that is not for this model, ServerError, the job's reason */
export async function classifyImage(
  bytes: Uint8Array,
  job: Job,
  { metrics, note }: Desk,
): Promise<Classification> {
  const { served, signal } = job;
  const decoded = await job.timed('decode', () => decodeImage(bytes, { signal }));
  signal.throwIfAborted();
  const image = decoded.value;
  metrics.images.inc({ format: image.source });
  note(shapeOf(image));
  const prepared = await job.timed('preprocess', () => {
    const seen = checkDomain(image, served.info.contract);
    return toTensor(image, served.info.contract, seen);
  });
  const { tensor, warnings } = prepared.value;
  const { probabilities, waitedMs, inferMs } = await job.infer(tensor, { source: { bytes } });
  for (const { code } of warnings) metrics.warnings.inc({ code });
  return classificationOf(job, {
    level: 'image',
    raw: rawOf(probabilities, served),
    image: shapeOf(image),
    series: null,
    warnings: warnings.map(({ code, message }) => ({ code, message })),
    timings: { decodeMs: decoded.ms, preprocessMs: prepared.ms, queueMs: waitedMs, inferMs },
  });
}

function shapeOf({ source, rows, columns }: Image): Classification['image'] {
  return { format: source, rows, columns };
}
