import type { Contract } from '../contract.ts';
import { checkDomain } from '../domain/check.ts';
import type { Seen } from '../domain/check.ts';
import { ImagingError } from '../errors.ts';
import { lungMask } from '../lung/mask.ts';
import { toTensor } from '../tensor.ts';
import type { Warning } from '../tensor.ts';
import { decodeInOrder } from './decode.ts';
import { resampleAlong } from './resample.ts';
import type { PlacedImage } from './resample.ts';
import type { Series } from './series.ts';

/** A slice of the stack that was looked at: as it lies in the series, or interpolated between two of them. */
export type StackSlice = {
  /** Place in the stack from 0, those without lung included. */
  readonly index: number;
  /** Name and frame of the slice that the pixels come from; of an interpolated one, the nearest. */
  readonly name: string;
  readonly frame: number;
  readonly positionMm: number | undefined;
  /** 0 to 1, as lungMask says it. */
  readonly lungFraction: number;
};

export type SliceTensor = StackSlice & {
  /** As toTensor makes it: `inputSize * inputSize * 3`, HWC. */
  readonly tensor: Float32Array;
  readonly warnings: readonly Warning[];
};

export type TensorOptions = {
  readonly signal?: AbortSignal | undefined;
  /** For each file; see openDicom. */
  readonly timeoutMs?: number | undefined;
  /** Hears of every slice that is skipped because no lung is seen on it. */
  readonly onSkipped?: (slice: StackSlice) => void;
};

/**
 * The network's inputs for a series, slice by slice along the normal. Streams: a few slices are decoded ahead and none
 * is kept, however long the series. Where the contract states `spacingMm`, slices are interpolated at that distance
 * along the normal first (see resampleAlong), as toTensor does within the slice. Slices outside of the contract's
 * domain for want of a lung are skipped.
 *
 * Throws ImagingError: the series' own refusal; SERIES_EMPTY; SERIES_TILTED where it would have to be interpolated;
 * NOT_CHEST at the end when all slices were skipped; whatever the decoding of a slice, its domain or its tensor is refused for.
 */
export async function* seriesTensors(
  series: Series,
  contract: Contract,
  options: TensorOptions = {},
): AsyncGenerator<SliceTensor, void, undefined> {
  const { refusal } = series;
  if (refusal !== undefined) throw new ImagingError(refusal.code, refusal.text);
  let index = 0;
  let seen = 0;
  let reason = '';
  for await (const placed of stackOf(series, contract, options)) {
    options.signal?.throwIfAborted();
    const lungs = lungMask(placed.image);
    const slice = {
      index,
      name: placed.slice.source.name,
      frame: placed.slice.facts.frame,
      positionMm: placed.positionMm,
      lungFraction: lungs.fraction,
    };
    index += 1;
    const why = whyNotOfTheChest(placed, contract, { lungs });
    if (why === undefined) {
      seen += 1;
      yield { ...slice, ...toTensor(placed.image, contract, { lungs }) };
    } else {
      reason = why;
      options.onSkipped?.(slice);
    }
  }
  if (index === 0) throw new ImagingError('SERIES_EMPTY');
  if (seen === 0) throw new ImagingError('NOT_CHEST', `None of ${index} slices is of the chest. ${reason}`);
}

function stackOf(
  series: Series,
  contract: Contract,
  options: TensorOptions,
): AsyncGenerator<PlacedImage, void, undefined> {
  const slices = decodeInOrder(series.slices, options);
  if (contract.kind !== 'hu' || contract.spacingMm === undefined || series.slices.length === 1) return slices;
  if (series.tiltDegrees > 0) throw new ImagingError('SERIES_TILTED');
  return resampleAlong(slices, contract.spacingMm);
}

function whyNotOfTheChest({ image, slice }: PlacedImage, contract: Contract, seen: Seen): string | undefined {
  try {
    checkDomain(image, contract, slice.facts, seen);
    return undefined;
  } catch (error) {
    if (error instanceof ImagingError && error.code === 'NOT_CHEST') return error.message;
    throw error;
  }
}
