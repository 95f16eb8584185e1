/** Whether a dataset is of the kind that a contract's domain stands for. */
import { checkDomain, ImagingError, type Contract, type Image, type ImagingCode } from '@hilum/imaging';
import { readImage } from '../features/extract.ts';
import type { Dataset } from './scan.ts';

export interface DomainSurvey {
  /** The domain asked for, or `any` where an image is outside of it. */
  readonly domain: Contract['domain'];
  readonly images: number;
  readonly outside: number;
  /** The first image outside, by its path in the dataset, and why. */
  readonly first?: { readonly file: string; readonly code: ImagingCode };
}

/** As many as decode at once; the lungs are looked for one after the other. */
const AT_ONCE = 8;

/**
 * Looks at every image, not at the training part alone: a server must not refuse what its model was evaluated on.
 * Decodes the whole dataset, which takes a small part of what the network takes for it.
 *
 * @throws TrainerError UNREADABLE_IMAGE
 */
export async function surveyDomain(
  { dir, images }: Pick<Dataset, 'dir' | 'images'>,
  contract: Contract,
  signal?: AbortSignal,
): Promise<DomainSurvey> {
  let outside = 0;
  let first: DomainSurvey['first'];
  for (let at = 0; at < images.length; at += AT_ONCE) {
    signal?.throwIfAborted();
    const batch = images.slice(at, at + AT_ONCE);
    const codes = await Promise.all(
      batch.map(async ({ file }) => refusalOf(await readImage(dir, file, signal), contract)),
    );
    for (const [index, code] of codes.entries()) {
      if (code === undefined) continue;
      outside += 1;
      first ??= { file: batch[index]?.file ?? '', code };
    }
  }
  return {
    domain: outside === 0 ? contract.domain : 'any',
    images: images.length,
    outside,
    ...(first === undefined ? {} : { first }),
  };
}

/** With what code a server would refuse an image that is outside of its model's domain. */
export function refusalOf(image: Image, contract: Contract): ImagingCode | undefined {
  try {
    checkDomain(image, contract);
    return undefined;
  } catch (error) {
    if (error instanceof ImagingError) return error.code;
    throw error;
  }
}
