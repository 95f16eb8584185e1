import { withoutPadding } from '../dicom/text-padding.ts';

/**
 * Text of a DICOM element as a JavaScript string, by the terms of its Specific Character Set (0008,0005): single
 * encodings and the code extensions of ISO 2022 (PS3.3 C.12.1.1.2, PS3.5 6.1.2.5). A term that is not known reads as
 * if none were given; what cannot be decoded becomes U+FFFD and never an error, so that a report is not lost over it.
 */
export function decodeText(bytes: Uint8Array, terms: readonly string[]): string {
  const term = terms[0]?.replace('ISO 2022', 'ISO_IR') ?? '';
  // Not everything that an object answers to is a character set: a file may name `toString`.
  const first = Object.hasOwn(ENCODINGS, term) ? ENCODINGS[term] : undefined;
  const text = bytes.includes(ESCAPE) ? extended(bytes, first) : plain(bytes, first);
  // Padding to an even length: a space, or zero for UI (PS3.5 6.2).
  return withoutPadding(text);
}

const ESCAPE = 0x1b;

// Labels of the Encoding Standard; windows-874 and the like hold the ISO set of their script.
const ENCODINGS: Readonly<Record<string, string>> = {
  'ISO_IR 100': 'iso-8859-1',
  'ISO_IR 101': 'iso-8859-2',
  'ISO_IR 109': 'iso-8859-3',
  'ISO_IR 110': 'iso-8859-4',
  'ISO_IR 144': 'iso-8859-5',
  'ISO_IR 127': 'iso-8859-6',
  'ISO_IR 126': 'iso-8859-7',
  'ISO_IR 138': 'iso-8859-8',
  'ISO_IR 148': 'iso-8859-9',
  'ISO_IR 203': 'iso-8859-15',
  'ISO_IR 13': 'shift_jis',
  'ISO_IR 166': 'windows-874',
  'ISO_IR 192': 'utf-8',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

/** Without a declared set: many writers leave UTF-8 or Latin-1 undeclared, and plain ASCII is both. */
function plain(bytes: Uint8Array, encoding: string | undefined): string {
  if (encoding !== undefined) return decode(bytes, encoding);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return decode(bytes, 'iso-8859-1');
  }
}

type Active = { readonly encoding: string; readonly prefix?: readonly number[]; readonly sevenBit?: boolean };

// PS3.3 tables C.12-3 and C.12-4. The two-byte sets of G0 are written with seven bits: EUC-JP is the same with the
// eighth set, and 0x8F before a character of JIS X 0212.
const ESCAPES: readonly (readonly [sequence: string, active: Active | 'first'])[] = [
  ['$(D', { encoding: 'euc-jp', prefix: [0x8f], sevenBit: true }],
  ['$B', { encoding: 'euc-jp', prefix: [], sevenBit: true }],
  ['$)C', { encoding: 'euc-kr' }],
  ['$)A', { encoding: 'gbk' }],
  [')I', { encoding: 'shift_jis' }],
  ['(J', { encoding: 'shift_jis' }],
  ['(B', 'first'],
  ['-A', { encoding: 'iso-8859-1' }],
  ['-B', { encoding: 'iso-8859-2' }],
  ['-C', { encoding: 'iso-8859-3' }],
  ['-D', { encoding: 'iso-8859-4' }],
  ['-L', { encoding: 'iso-8859-5' }],
  ['-G', { encoding: 'iso-8859-6' }],
  ['-F', { encoding: 'iso-8859-7' }],
  ['-H', { encoding: 'iso-8859-8' }],
  ['-M', { encoding: 'iso-8859-9' }],
  ['-b', { encoding: 'iso-8859-15' }],
  ['-T', { encoding: 'windows-874' }],
];

function extended(bytes: Uint8Array, first: string | undefined): string {
  const initial: Active = { encoding: first ?? 'iso-8859-1' };
  let active = initial;
  let text = '';
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] === ESCAPE) {
      const next = String.fromCharCode(...bytes.subarray(at + 1, at + 4));
      const [sequence, to] = ESCAPES.find(([start]) => next.startsWith(start)) ?? ['', active];
      active = to === 'first' ? initial : to;
      at += 1 + sequence.length;
      continue;
    }
    const end = runEnd(bytes, at, active);
    text += decodeRun(bytes.subarray(at, end), active);
    // Each component of a name, and each value, starts anew with the first set (PS3.5 6.1.2.5.3).
    if (DELIMITERS.has(bytes[end - 1] ?? 0) && active.sevenBit !== true) active = initial;
    at = end;
  }
  return text;
}

const DELIMITERS: ReadonlySet<number> = new Set(Buffer.from('\\^=\r\n\t\f'));

/** Up to the next escape, or with the next delimiter; in a seven-bit set of two bytes those are no delimiters. */
function runEnd(bytes: Uint8Array, from: number, { sevenBit }: Active): number {
  for (let at = from; at < bytes.length; at += 1) {
    if (bytes[at] === ESCAPE) return at;
    if (sevenBit !== true && DELIMITERS.has(bytes[at] ?? 0)) return at + 1;
  }
  return bytes.length;
}

function decodeRun(run: Uint8Array, { encoding, prefix, sevenBit }: Active): string {
  if (sevenBit !== true) return decode(run, encoding);
  const eightBit: number[] = [];
  for (let at = 0; at + 1 < run.length; at += 2) {
    eightBit.push(...(prefix ?? []), (run[at] ?? 0) | 0x80, (run[at + 1] ?? 0) | 0x80);
  }
  return decode(Uint8Array.from(eightBit), encoding);
}

function decode(bytes: Uint8Array, encoding: string): string {
  return new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes);
}
