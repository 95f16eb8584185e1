import { ImagingError } from '../errors.ts';
import type { Samples } from './codec.ts';
import type { FrameHeader } from './codestream.ts';

/** Which bits of a sample are its value (PS3.5 8.1.1). */
type Bits = {
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
};

/**
 * The stored values of samples that are kept as the header says: the bits below High Bit, sign-extended. Other bits
 * are dropped; old files have overlays there (PS3.5 8.1.2).
 */
export function cutBits(samples: Samples, { bitsAllocated, bitsStored, highBit, signed }: Bits): Int32Array {
  if (bitsStored === bitsAllocated) return new Int32Array(withSign(samples, signed));
  return cut(samples, 31 - highBit, 32 - bitsStored, signed);
}

/**
 * The stored values of samples from a codestream, which has a precision and a sign of its own. Where they are the
 * header's, the samples are the values. Where the signs differ, or the codestream has more bits, what the header
 * declares is cut out; PIXEL_LENGTH_MISMATCH if that would change a value, or if the codestream has too few bits.
 */
export function cutCoded(samples: Samples | Int32Array, coded: FrameHeader, layout: Bits): Int32Array {
  const { bitsStored, highBit, signed } = layout;
  // A codestream has no bits beside its value: where the header has some, their places are anyone's guess.
  if (highBit !== bitsStored - 1) throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  const sameSign = coded.signed === signed;
  const fewer = coded.bits < bitsStored;
  if ((fewer && !sameSign) || (coded.bits <= 8 && bitsStored > 8)) throw misfit();
  if (sameSign && coded.bits <= bitsStored) {
    return samples instanceof Int32Array ? samples : new Int32Array(samples);
  }
  const values = cut(samples, 32 - bitsStored, 32 - bitsStored, signed);
  if (coded.bits > bitsStored) checkSurplus(samples, values, coded, layout);
  return values;
}

/** Bits above Bits Stored are zero; or, in an unsigned codestream of signed values, all of them may be the sign. */
function checkSurplus(
  samples: Samples | Int32Array,
  values: Int32Array,
  coded: FrameHeader,
  { bitsStored, signed }: Bits,
): void {
  const folded = signed && !coded.signed;
  const sign = (1 << (coded.bits - bitsStored)) - 1;
  for (let at = 0; at < values.length; at += 1) {
    const sample = samples[at] ?? 0;
    const value = values[at] ?? 0;
    const surplus = sample >> bitsStored;
    const fits = folded ? surplus === 0 || (surplus === sign && value < 0) : sample === value;
    if (!fits) throw misfit();
  }
}

function cut(samples: Samples | Int32Array, up: number, down: number, signed: boolean): Int32Array {
  const values = new Int32Array(samples.length);
  if (signed) {
    for (let at = 0; at < values.length; at += 1) values[at] = ((samples[at] ?? 0) << up) >> down;
  } else {
    for (let at = 0; at < values.length; at += 1) values[at] = ((samples[at] ?? 0) << up) >>> down;
  }
  return values;
}

/** The same memory, read with or without a sign. */
function withSign(samples: Samples, signed: boolean): Samples | Int8Array {
  const { buffer, byteOffset, length } = samples;
  if (samples instanceof Uint8Array) return signed ? new Int8Array(buffer, byteOffset, length) : samples;
  return signed ? new Int16Array(buffer, byteOffset, length) : new Uint16Array(buffer, byteOffset, length);
}

function misfit(): ImagingError {
  return new ImagingError(
    'PIXEL_LENGTH_MISMATCH',
    'The compressed frame has not the bits that the header declares.',
  );
}
