import { inflateRawSync } from 'node:zlib';
import { ImagingError } from '../errors.ts';
import { LIMITS } from './limits.ts';
import { withoutPadding } from './text-padding.ts';

/** A Part 10 file taken apart: its transfer syntax, and the data set as bytes (inflated where it was deflated). */
export type Part10 = { readonly transferSyntax: string; readonly body: Uint8Array };

const META_START = 132;
const META_GROUP = 0x0002;
const TRANSFER_SYNTAX = 0x0010;
// VRs with two reserved bytes and a 32-bit length (PS3.5 7.1.2).
const LONG_VRS = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
// A UID has 64 at most (PS3.5 9.1); what is longer is none, however it goes on.
const TEXT_MAX_BYTES = 80;
const DEFLATED = '1.2.840.10008.1.2.1.99';

/**
 * Reads the file meta information (PS3.10 7.1), always explicit VR little endian. Ours, because dicom-parser also
 * reads the element after it as if it were: in a deflated or big-endian file that is noise, and may look cut.
 */
export function readPart10(file: Uint8Array): Part10 {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let transferSyntax: string | undefined;
  let at = META_START;
  for (;;) {
    if (at + 8 > bytes.length) throw new ImagingError('TRUNCATED');
    if (bytes.readUInt16LE(at) !== META_GROUP) break;
    const long = LONG_VRS.has(bytes.toString('latin1', at + 4, at + 6));
    if (long && at + 12 > bytes.length) throw new ImagingError('TRUNCATED');
    const from = at + (long ? 12 : 8);
    const to = from + (long ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6));
    if (to > bytes.length) throw new ImagingError('TRUNCATED');
    if (bytes.readUInt16LE(at + 2) === TRANSFER_SYNTAX) {
      transferSyntax = withoutPadding(bytes.toString('latin1', from, Math.min(to, from + TEXT_MAX_BYTES)));
    }
    at = to;
  }
  if (transferSyntax === undefined) {
    throw new ImagingError('CORRUPT', 'The file meta information names no transfer syntax.');
  }
  const body = file.subarray(at);
  return { transferSyntax, body: transferSyntax === DEFLATED ? inflate(body) : body };
}

/** With limits: a kilobyte may ask for a megabyte, a megabyte for a gigabyte. */
function inflate(deflated: Uint8Array): Uint8Array {
  const byRatio = Math.max(LIMITS.inflationRatioFromBytes, deflated.length * LIMITS.inflationRatio);
  try {
    return inflateRawSync(deflated, { maxOutputLength: Math.min(LIMITS.inflatedBytes, byRatio) });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw new ImagingError('LIMIT_EXCEEDED', undefined, { cause: error });
    if (code === 'Z_BUF_ERROR') throw new ImagingError('TRUNCATED', undefined, { cause: error });
    throw new ImagingError('CORRUPT', 'The deflated data set does not inflate.', { cause: error });
  }
}
