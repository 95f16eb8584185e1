import { writeCtSlice } from '../src/index.ts';
import type { CtSlice } from '../src/index.ts';

/** By tag; undefined: absent. */
export type Elements = Readonly<Record<number, Change | undefined>>;
type Change = {
  readonly vr: string;
  readonly value: Uint8Array;
  /** Of a sequence; `value` is then empty. */
  readonly items?: readonly Elements[];
  /** The length is written as undefined; the value, or the items, bring their own delimiters. */
  readonly open?: boolean;
};

const META_LENGTH_AT = 140;
const META_START = 144;

/** A valid 4 × 4 slice; `hu` counts up from -1024. */
export function aSlice(over: Partial<CtSlice> = {}): Uint8Array {
  return writeCtSlice({
    rows: 4,
    columns: 4,
    hu: Array.from({ length: 16 }, (_, at) => at - 1024),
    patientId: 'P1',
    instance: 1,
    position: [0, 0, 0],
    pixelSpacing: [1, 1],
    sliceThickness: 1,
    ...over,
  });
}

export const us = (...values: readonly number[]): Change => ({
  vr: 'US',
  value: new Uint8Array(Uint16Array.from(values).buffer),
});
export const ss = (...values: readonly number[]): Change => ({
  vr: 'SS',
  value: new Uint8Array(Int16Array.from(values).buffer),
});
export const words = (values: readonly number[]): Change => ({
  vr: 'OW',
  value: new Uint8Array(Uint16Array.from(values).buffer),
});
export const text = (vr: string, value: string): Change => ({
  vr,
  value: Buffer.from(value.length % 2 === 0 ? value : `${value} `),
});

export const sq = (...items: readonly Elements[]): Change => ({ vr: 'SQ', value: new Uint8Array(), items });
/** A sequence whose items and itself end with delimiters. */
export const openSq = (...items: readonly Elements[]): Change => ({ ...sq(...items), open: true });
export const longs = (values: readonly number[]): Change => ({
  vr: 'OV',
  value: new Uint8Array(BigUint64Array.from(values.map(BigInt)).buffer),
});
/** Compressed Pixel Data: the basic offset table's offsets, then each fragment, padded to an even length. */
export const encapsulated = (fragments: readonly Uint8Array[], table: readonly number[] = []): Change => ({
  vr: 'OB',
  open: true,
  value: Buffer.concat([
    item(new Uint8Array(Uint32Array.from(table).buffer)),
    ...fragments.map((fragment) => item(Buffer.concat([fragment, Buffer.alloc(fragment.length % 2)]))),
    Buffer.from('feffdde000000000', 'hex'),
  ]),
});

/** The same file with elements replaced, added or (undefined) removed. Explicit VR little endian, flat. */
export function edit(file: Uint8Array, changes: Elements): Uint8Array {
  const view = Buffer.from(file);
  const elements = parse(view.subarray(META_START));
  for (const [tag, change] of Object.entries(changes)) {
    if (change === undefined) elements.delete(Number(tag));
    else elements.set(Number(tag), change);
  }
  const parts = [...elements]
    .toSorted(([a], [b]) => a - b)
    .map(([tag, change]) => ({ tag, bytes: encode(tag, change) }));
  const head = Buffer.from(view.subarray(0, META_START));
  const meta = parts.filter(({ tag }) => tag < 0x0008_0000);
  head.writeUInt32LE(
    meta.reduce((sum, { bytes }) => sum + bytes.length, 0),
    META_LENGTH_AT,
  );
  return new Uint8Array(Buffer.concat([head, ...parts.map(({ bytes }) => bytes)]));
}

/** An explicit VR little endian file in implicit VR: what `edit` writes, sequences included. */
export function implicit(changes: Elements): Uint8Array {
  const file = Buffer.from(edit(aSlice(), { 0x0002_0010: text('UI', '1.2.840.10008.1.2\0') }));
  const metaEnd = META_START + file.readUInt32LE(META_LENGTH_AT);
  const elements = new Map([...parse(file.subarray(metaEnd)), ...entriesOf(changes)]);
  const body = [...elements]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([tag, change]) => (change === undefined ? [] : [encode(tag, change, false)]));
  return new Uint8Array(Buffer.concat([file.subarray(0, metaEnd), ...body]));
}

function parse(view: Buffer): Map<number, Change> {
  const elements = new Map<number, Change>();
  for (let at = 0; at < view.length;) {
    const tag = view.readUInt16LE(at) * 0x1_0000 + view.readUInt16LE(at + 2);
    const vr = view.toString('latin1', at + 4, at + 6);
    const long = LONG.has(vr);
    const length = long ? view.readUInt32LE(at + 8) : view.readUInt16LE(at + 6);
    const from = at + (long ? 12 : 8);
    elements.set(tag, { vr, value: view.subarray(from, from + length) });
    at = from + length;
  }
  return elements;
}

const LONG = new Set(['OB', 'OW', 'OV', 'SQ', 'UN']);
const UNDEFINED_LENGTH = 0xff_ff_ff_ff;

function encode(tag: number, change: Change, explicit = true): Buffer {
  const value = change.items === undefined ? change.value : sequence(change.items, change.open, explicit);
  const length = change.open === true ? UNDEFINED_LENGTH : value.length;
  const head = Buffer.alloc(explicit && LONG.has(change.vr) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  if (explicit) head.write(change.vr, 4, 'latin1');
  if (explicit && !LONG.has(change.vr)) head.writeUInt16LE(length, 6);
  else head.writeUInt32LE(length, head.length - 4);
  return Buffer.concat([head, value]);
}

function sequence(items: readonly Elements[], open: boolean | undefined, explicit: boolean): Buffer {
  const parts = items.map((elements) => {
    const content = entriesOf(elements).flatMap(([tag, change]) =>
      change === undefined ? [] : [encode(tag, change, explicit)],
    );
    return open === true
      ? Buffer.concat([
          Buffer.from('feff00e0ffffffff', 'hex'),
          ...content,
          Buffer.from('feff0de000000000', 'hex'),
        ])
      : item(Buffer.concat(content));
  });
  return Buffer.concat([...parts, Buffer.from(open === true ? 'feffdde000000000' : '', 'hex')]);
}

function item(value: Uint8Array): Buffer {
  const head = Buffer.from('feff00e000000000', 'hex');
  head.writeUInt32LE(value.length, 4);
  return Buffer.concat([head, value]);
}

/** Numeric keys come in ascending order. */
function entriesOf(elements: Elements): readonly [number, Change | undefined][] {
  return Object.entries(elements)
    .map(([tag, change]): [number, Change | undefined] => [Number(tag), change])
    .toSorted(([a], [b]) => a - b);
}
