import type { Encoding } from './elements.ts';

const IMPLICIT_LE = '1.2.840.10008.1.2';
const EXPLICIT_BE = '1.2.840.10008.1.2.2';

/**
 * How the elements of a data set are written: as its transfer syntax says, save that the data set itself has the last
 * word on whether there are VRs. Some scanners and archives name one little endian syntax and write the other. It shows
 * in the first element: where a VR would be two capitals, implicit VR has the low half of a length, and 16,705 bytes
 * ("AA") or more in an element of the first group would be no text that any attribute there allows.
 */
export function encodingOf(transferSyntax: string, body: Uint8Array): Encoding {
  if (transferSyntax === EXPLICIT_BE) return { explicit: true, littleEndian: false };
  const [first, second] = body.subarray(4, 6);
  if (first === undefined || second === undefined) {
    return { explicit: transferSyntax !== IMPLICIT_LE, littleEndian: true };
  }
  return { explicit: isCapital(first) && isCapital(second), littleEndian: true };
}

function isCapital(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}
