/** Values that say nothing, of each VR: for attributes that an object must have (action D of PS3.15 E.1). */

const DUMMY_TEXT: Readonly<Record<string, string>> = {
  AS: '000D',
  DA: '19000101',
  DS: '0',
  DT: '19000101000000',
  IS: '0',
  TM: '000000',
};
const TEXT_VRS = new Set(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);
const BINARY_BYTES: Readonly<Record<string, number>> = { SS: 2, US: 2, AT: 4, FL: 4, SL: 4, UL: 4 };

/** Text, or a number of zero bytes: 8 are whole in every other VR. */
export function dummyOf(vr: string): { readonly text: string } | { readonly zeros: number } {
  const text = DUMMY_TEXT[vr] ?? (TEXT_VRS.has(vr) ? 'REMOVED' : undefined);
  return text === undefined ? { zeros: BINARY_BYTES[vr] ?? 8 } : { text };
}
