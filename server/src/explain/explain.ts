/** What the network's own activations say of an answer: for every protocol that gives heat maps. */
import { type GradCam, type Head, PackageError, type PackageInfo, gradCam, readHead } from '@hilum/model';
import type { Inferred } from '../batching/place.ts';
import { ServerError } from '../errors.ts';
import type { Job } from '../gate.ts';
import type { ServedModel } from '../readiness.ts';

export interface Explained extends GradCam {
  /** Whose logit it is. */
  readonly label: string;
  readonly layer: string;
  /** What else went into the answer. */
  readonly notShown: Head['notShown'];
  readonly explainMs: number;
}

/**
 * Grad-CAM of one inferred image.
 *
 * @param inferred by `job.infer` with `activations`
 * @param label default the positive one
 * @throws ServerError NOT_EXPLAINABLE, PARAMETER_INVALID, ENGINE_FAILED where activations and answer do not belong
 *   together
 */
export async function explain(
  { served, timed }: Pick<Job, 'served' | 'timed'>,
  { activations, probabilities }: Inferred,
  label = served.info.positiveLabel,
): Promise<Explained> {
  const index = labelIndex(served.info, label);
  const head = await headOf(served);
  const { value, ms } = await timed('explain', () => {
    if (activations === undefined) throw new ServerError('ENGINE_FAILED', 'the engine gave no activations');
    const map = gradCam(head, activations, index);
    assertSame(map.probabilities, probabilities);
    return map;
  });
  return { ...value, label, layer: head.layer, notShown: head.notShown, explainMs: ms };
}

/** @throws ServerError PARAMETER_INVALID */
export function labelIndex({ labels }: PackageInfo, label: string): number {
  const index = labels.indexOf(label);
  if (index >= 0) return index;
  // What was asked for is not repeated: it may be anything.
  throw new ServerError('PARAMETER_INVALID', `label is one of ${labels.join(', ')}`);
}

/**
 * Of the model, read once.
 *
 * @throws ServerError NOT_EXPLAINABLE; whatever reading fails with
 */
export async function headOf(served: ServedModel): Promise<Head> {
  const known = heads.get(served);
  if (known !== undefined) return known;
  const reading = readHead(served.info, served.engine.precision).catch((error: unknown) => {
    // A disk that failed once may answer the next time.
    heads.delete(served);
    if (!(error instanceof PackageError) || error.code !== 'NOT_EXPLAINABLE') throw error;
    throw new ServerError('NOT_EXPLAINABLE', error.message, { cause: error });
  });
  heads.set(served, reading);
  return reading;
}

const heads = new WeakMap<ServedModel, Promise<Head>>();

// The head is computed anew from the features, in float64: engines differ by 1e-6, other images by far more.
const TOLERANCE = 1e-3;

/** A map of another image, or of another model, would look as good as the right one. */
function assertSame(own: Float64Array, answered: Float32Array): void {
  const same = own.every((value, at) => Math.abs(value - (answered[at] ?? Number.NaN)) <= TOLERANCE);
  if (!same) throw new ServerError('ENGINE_FAILED', 'the activations are not those of the answer');
}
