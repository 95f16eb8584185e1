/** DICOM files put together by hand, in any of the four plain encodings, with every way to end a sequence. */
import { deflateRawSync } from 'node:zlib';

export type Part = {
  readonly tag: number;
  readonly vr: string;
  readonly value: string | Uint8Array | readonly (readonly Part[])[];
  /** A sequence, and its items, that end with a delimiter; of a plain value: what is compressed brings its own. */
  readonly delimited?: boolean;
};

export const SYNTAXES = {
  implicit: '1.2.840.10008.1.2',
  explicit: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  bigEndian: '1.2.840.10008.1.2.2',
} as const;
export type Syntax = keyof typeof SYNTAXES;

export const CT = '1.2.840.10008.5.1.4.1.1.2';
export const INSTANCE = '1.2.3.4.5';
const SHORT = /^(AE|AS|AT|CS|DA|DS|DT|FL|FD|IS|LO|LT|PN|SH|SL|SS|ST|TM|UI|UL|US)$/;

/** A CT instance of a class, an instance UID and `parts`, which may take the place of these two. */
export function aFile(
  parts: readonly Part[],
  syntax: Syntax = 'explicit',
  preamble = new Uint8Array(128),
): Uint8Array {
  const own: readonly Part[] = [
    { tag: 0x0008_0016, vr: 'UI', value: CT },
    { tag: 0x0008_0018, vr: 'UI', value: INSTANCE },
  ];
  const all = [...own.filter(({ tag }) => !parts.some((part) => part.tag === tag)), ...parts];
  const body = encode(all, syntax);
  const meta = encode(
    [
      { tag: 0x0002_0002, vr: 'UI', value: CT },
      { tag: 0x0002_0003, vr: 'UI', value: INSTANCE },
      { tag: 0x0002_0010, vr: 'UI', value: SYNTAXES[syntax] },
      { tag: 0x0002_0016, vr: 'AE', value: 'SECRET-AE' },
    ],
    'explicit',
  );
  const data = syntax === 'deflated' ? deflateRawSync(body) : body;
  return new Uint8Array(Buffer.concat([preamble, Buffer.from('DICM'), meta, data]));
}

function encode(parts: readonly Part[], syntax: Syntax): Buffer {
  const sorted = parts.toSorted((a, b) => a.tag - b.tag);
  return Buffer.concat(sorted.map((part) => encodeOne(part, syntax)));
}

function encodeOne({ tag, vr, value, delimited = false }: Part, syntax: Syntax): Buffer {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    const bytes = Buffer.from(value as Uint8Array);
    const even =
      bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(vr === 'UI' ? '\0' : ' ')]);
    return Buffer.concat([head(tag, vr, delimited ? 0xffff_ffff : even.length, syntax), even]);
  }
  const items = value.map((item) => {
    const body = encode(item, syntax);
    const start = bare(0xfffe_e000, delimited ? 0xffff_ffff : body.length, syntax);
    return Buffer.concat([start, body, ...(delimited ? [bare(0xfffe_e00d, 0, syntax)] : [])]);
  });
  const body = Buffer.concat([...items, ...(delimited ? [bare(0xfffe_e0dd, 0, syntax)] : [])]);
  return Buffer.concat([head(tag, vr, delimited ? 0xffff_ffff : body.length, syntax), body]);
}

function head(tag: number, vr: string, length: number, syntax: Syntax): Buffer {
  if (syntax === 'implicit') return bare(tag, length, syntax);
  const start = bare(tag, length, syntax);
  start.write(vr, 4, 'latin1');
  if (!SHORT.test(vr))
    return Buffer.concat([start.subarray(0, 6), Buffer.alloc(2), bare(0, length, syntax).subarray(4)]);
  if (syntax === 'bigEndian') start.writeUInt16BE(length, 6);
  else start.writeUInt16LE(length, 6);
  return start;
}

function bare(tag: number, length: number, syntax: Syntax): Buffer {
  const out = Buffer.alloc(8);
  const big = syntax === 'bigEndian';
  const short = (value: number, at: number) =>
    big ? out.writeUInt16BE(value, at) : out.writeUInt16LE(value, at);
  short(tag >>> 16, 0);
  short(tag & 0xffff, 2);
  if (big) out.writeUInt32BE(length, 4);
  else out.writeUInt32LE(length, 4);
  return out;
}
