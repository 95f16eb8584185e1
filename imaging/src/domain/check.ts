import type { Contract } from '../contract.ts';
import type { SliceFacts } from '../dicom/facts.ts';
import { ImagingError } from '../errors.ts';
import type { Image } from '../image.ts';
import { lungMask } from '../lung/mask.ts';
import type { LungMask } from '../lung/mask.ts';
import { foreignBodyPart } from './body-part.ts';
import { whyNoCtPicture } from './ct-picture.ts';

/** What is known about an image already, so that nobody looks for it again. */
export type Seen = { readonly lungs?: LungMask };

/**
 * Whether a contract's model is for this image at all: a network answers with a probability whatever it is shown.
 * Called before toTensor, by whoever serves or picks slices; toTensor takes what was seen of the image.
 *
 * - `chest-ct`: throws ImagingError NOT_CHEST where the header names another body part, or no lung is seen. An absent or
 *   unknown body part refuses nothing: headers often err (15 % were wrong where Güld et al. looked, doi:10.1117/12.467017).
 * - `ct-picture`: throws OUT_OF_DOMAIN where a picture cannot be the rendering of a whole CT slice, nor a part of one cut
 *   out on black. It cannot tell a CT from every dark picture: see docs/preprocessing.md for what passes. A DICOM slice,
 *   which the contract may render, is a CT slice already, and has to be one of the chest as under `chest-ct`.
 * - `any`: nothing is checked.
 *
 * A picture under `chest-ct` is left to toTensor. Pure; texts repeat no value of a header.
 *
 * @param facts the header's, where they are at hand; otherwise those that the image carries
 * @param seen of this image, as lungMask makes it; returned with what was found out here
 */
export function checkDomain(
  image: Image,
  contract: Pick<Contract, 'domain'>,
  facts?: Pick<SliceFacts, 'bodyPart'>,
  seen: Seen = {},
): Seen {
  if (contract.domain === 'any') return seen;
  if (image.kind === 'hu') {
    const part = foreignBodyPart(facts?.bodyPart ?? image.bodyPart);
    if (part !== undefined) {
      throw new ImagingError('NOT_CHEST', `The header names another body part than the chest: ${part}.`);
    }
    const { lungs = lungMask(image) } = seen;
    if (lungs.box === undefined) throw new ImagingError('NOT_CHEST', 'No lung is seen in the slice.');
    return { lungs };
  }
  if (contract.domain === 'ct-picture') {
    const why = whyNoCtPicture(image);
    if (why !== undefined) {
      throw new ImagingError('OUT_OF_DOMAIN', `The picture does not look like a CT slice: ${why}.`);
    }
  }
  return seen;
}
