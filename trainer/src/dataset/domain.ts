/** Whether a dataset is of the kind that a contract's domain stands for. */
import { checkDomain, ImagingError, type Contract, type Image, type ImagingCode } from '@hilum/imaging';
import type { Dataset } from './scan.ts';

export interface DomainSurvey {
  /** The domain asked for, or `any` where an image is outside of it. */
  readonly domain: Contract['domain'];
  readonly images: number;
  readonly outside: number;
  /** The first image outside, by its path in the dataset, and why. */
  readonly first?: { readonly file: string; readonly code: ImagingCode };
}

/**
 * What the verdicts on all images say, not those on the training part alone: a server must not refuse what its model
 * was evaluated on. Pure.
 *
 * @param verdicts of every image, in the dataset's order: null where a server would take it
 */
export function surveyDomain(
  { images }: Pick<Dataset, 'images'>,
  verdicts: readonly (ImagingCode | null)[],
  { domain }: Pick<Contract, 'domain'>,
): DomainSurvey {
  const outside = images.flatMap(({ file }, index) => {
    const code = verdicts[index] ?? null;
    return code === null ? [] : [{ file, code }];
  });
  const [first] = outside;
  return {
    domain: first === undefined ? domain : 'any',
    images: images.length,
    outside: outside.length,
    ...(first === undefined ? {} : { first }),
  };
}

/** With what code a server would refuse an image that is outside of its model's domain. */
export function refusalOf(image: Image, contract: Pick<Contract, 'domain'>): ImagingCode | undefined {
  return judged(image, contract).code;
}

interface Judged {
  readonly code?: ImagingCode;
  /** What was found out about the image on the way, for toTensor. */
  readonly seen: ReturnType<typeof checkDomain>;
}

/** The verdict on one image. */
export function judged(image: Image, contract: Pick<Contract, 'domain'>): Judged {
  try {
    return { seen: checkDomain(image, contract) };
  } catch (error) {
    if (error instanceof ImagingError) return { code: error.code, seen: {} };
    throw error;
  }
}
