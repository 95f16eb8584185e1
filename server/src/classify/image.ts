/** One image: decoded, checked, scored, answered. */
import { type Image, type checkDomain, decodeImage, prepareImage } from '@hilum/imaging';
import type { Classification } from '@hilum/wire';
import type { Inferred } from '../batching/place.ts';
import type { Job } from '../gate.ts';
import type { Metrics } from '../metrics.ts';
import type { Facts } from '../observe/witness.ts';
import { classificationOf, rawOf } from './answer.ts';

export interface Desk {
  readonly metrics: Metrics;
  /** Adds to the line that is logged of the request. */
  readonly note: (facts: Facts) => void;
}

/** An answer and what it was made of: for those who have more to say of it than the answer does. */
export interface ScoredImage {
  readonly image: Image;
  /** Of the image, when its domain was checked. */
  readonly seen: ReturnType<typeof checkDomain>;
  readonly inferred: Inferred;
  readonly classification: Classification;
}

/** @throws ImagingError for an image that is not for this model, ServerError, the job's reason */
export async function classifyImage(bytes: Uint8Array, job: Job, desk: Desk): Promise<Classification> {
  return (await scoreImage(bytes, job, desk)).classification;
}

/** As `classifyImage`; with `activations`, what Grad-CAM needs comes with the answer, of the same forward pass. */
export async function scoreImage(
  bytes: Uint8Array,
  job: Job,
  { metrics, note }: Desk,
  { activations = false }: { readonly activations?: boolean } = {},
): Promise<ScoredImage> {
  const { served, signal } = job;
  const decoded = await job.timed('decode', () => decodeImage(bytes, { signal }));
  signal.throwIfAborted();
  const image = decoded.value;
  metrics.images.inc({ format: image.source });
  note(shapeOf(image));
  const prepared = await job.timed('preprocess', () => prepareImage(image, served.info.contract, { signal }));
  const { tensor, warnings, seen } = prepared.value;
  const inferred = await job.infer(tensor, { source: { bytes }, activations });
  const { probabilities, waitedMs, inferMs } = inferred;
  for (const { code } of warnings) metrics.warnings.inc({ code });
  const classification = classificationOf(job, {
    level: 'image',
    raw: rawOf(probabilities, served),
    image: shapeOf(image),
    series: null,
    warnings: warnings.map(({ code, message }) => ({ code, message })),
    timings: { decodeMs: decoded.ms, preprocessMs: prepared.ms, queueMs: waitedMs, inferMs },
  });
  return { image, seen, inferred, classification };
}

function shapeOf({ source, rows, columns }: Image): Classification['image'] {
  return { format: source, rows, columns };
}
