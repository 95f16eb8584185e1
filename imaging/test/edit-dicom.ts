import { writeCtSlice } from '../src/index.ts';
import type { CtSlice } from '../src/index.ts';

type Change = { readonly vr: string; readonly value: Uint8Array };

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

/** The same file with elements replaced, added or (undefined) removed. Explicit VR little endian, flat. */
export function edit(file: Uint8Array, changes: Readonly<Record<number, Change | undefined>>): Uint8Array {
  const view = Buffer.from(file);
  const elements = new Map<number, Change>();
  for (let at = META_START; at < view.length;) {
    const tag = view.readUInt16LE(at) * 0x1_0000 + view.readUInt16LE(at + 2);
    const vr = view.toString('latin1', at + 4, at + 6);
    const long = vr === 'OB' || vr === 'OW';
    const length = long ? view.readUInt32LE(at + 8) : view.readUInt16LE(at + 6);
    const from = at + (long ? 12 : 8);
    elements.set(tag, { vr, value: view.subarray(from, from + length) });
    at = from + length;
  }
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

function encode(tag: number, { vr, value }: Change): Buffer {
  const long = vr === 'OB' || vr === 'OW';
  const head = Buffer.alloc(long ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (long) head.writeUInt32LE(value.length, 8);
  else head.writeUInt16LE(value.length, 6);
  return Buffer.concat([head, value]);
}
