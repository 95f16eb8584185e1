import type { Contract } from './contract.ts';
import { checkDomain } from './domain/check.ts';
import type { Seen } from './domain/check.ts';
import type { Image } from './image.ts';
import { toTensor } from './tensor.ts';
import type { Warning } from './tensor.ts';

/** A network's input, and what was seen of the image on the way. */
export type Prepared = {
  readonly seen: Seen;
  readonly tensor: Float32Array;
  readonly warnings: readonly Warning[];
};

/** checkDomain, then toTensor, with the refusals of both. */
export function prepared(image: Image, contract: Contract): Prepared {
  const seen = checkDomain(image, contract);
  return { seen, ...toTensor(image, contract, seen) };
}
