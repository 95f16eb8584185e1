import { createRequire } from 'node:module';
import sharp from 'sharp';

/** A small image to compress: `values` are `bits` wide, row by row, colour by pixel. */
export type Plane = {
  rows: number;
  columns: number;
  bits: number;
  values: Uint16Array;
  /** 1 where it is not stated. */
  samples?: 1 | 3;
};

type Encoder = {
  getDecodedBuffer: (frame: object) => Uint8Array;
  getEncodedBuffer: () => Uint8Array;
  encode: () => void;
  delete: () => void;
  setNearLossless?: (error: number) => void;
  setDecompositions?: (levels: number) => void;
  setQuality?: (lossless: boolean, step: number) => void;
};
type Build = (options: object) => Promise<Record<string, new () => Encoder>>;

const require = createRequire(import.meta.url);

export async function jpegLs(plane: Plane, near: number): Promise<Uint8Array> {
  return byWasm('codec-charls/wasmjs', 'JpegLSEncoder', plane, (encoder) => encoder.setNearLossless?.(near));
}

export async function jpeg2000(plane: Plane, lossless: boolean): Promise<Uint8Array> {
  return byWasm('codec-openjpeg/wasmjs', 'J2KEncoder', plane, (encoder) => {
    // Five, its default, are too many for so small an image.
    encoder.setDecompositions?.(2);
    encoder.setQuality?.(lossless, lossless ? 0 : 20);
  });
}

export async function htj2k(plane: Plane, lossless: boolean): Promise<Uint8Array> {
  return byWasm('codec-openjph', 'HTJ2KEncoder', plane, (encoder) =>
    encoder.setQuality?.(lossless, lossless ? 0 : 0.01),
  );
}

/** 8 bits, baseline or progressive. */
export async function jpeg(plane: Plane, progressive: boolean): Promise<Uint8Array> {
  const { rows, columns, bits, samples = 1 } = plane;
  const grey = Uint8Array.from(plane.values, (value) => value >> Math.max(0, bits - 8));
  return sharp(grey, { raw: { width: columns, height: rows, channels: samples } })
    .toColourspace(samples === 1 ? 'b-w' : 'srgb')
    .jpeg({ progressive, quality: 90 })
    .toBuffer();
}

async function byWasm(module: string, name: string, plane: Plane, set: (encoder: Encoder) => void) {
  const build = require(`@cornerstonejs/${module}`) as Build;
  const wasm = await build({ print: ignore, printErr: ignore });
  const Made = wasm[name];
  if (Made === undefined) throw new Error(`${module} has no ${name}`);
  const encoder = new Made();
  const { rows, columns, bits, samples = 1 } = plane;
  set(encoder);
  const frame = {
    width: columns,
    height: rows,
    bitsPerSample: bits,
    componentCount: samples,
    isSigned: false,
    isUsingColorTransform: samples === 3,
  };
  encoder.getDecodedBuffer(frame).set(bits > 8 ? wordsOf(plane.values) : Uint8Array.from(plane.values));
  encoder.encode();
  const out = new Uint8Array(encoder.getEncodedBuffer());
  encoder.delete();
  return out;
}

/** Little endian. */
export function wordsOf(values: Uint16Array): Uint8Array {
  const out = Buffer.alloc(values.length * 2);
  for (const [at, value] of values.entries()) out.writeUInt16LE(value, at * 2);
  return out;
}

/** PS3.5 annex G, in literal runs and, where a value repeats, replicate runs. */
export function rle({ values, bits }: Plane): Uint8Array {
  const planes = bits > 8 ? [values.map((v) => v >> 8), values.map((v) => v & 0xff)] : [values];
  const segments = planes.map((plane) => packBits(Uint8Array.from(plane)));
  const head = Buffer.alloc(64);
  head.writeUInt32LE(segments.length, 0);
  let at = 64;
  for (const [k, segment] of segments.entries()) {
    head.writeUInt32LE(at, 4 + 4 * k);
    at += segment.length;
  }
  return Buffer.concat([head, ...segments]);
}

function packBits(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    let run = 1;
    while (run < 128 && bytes[at + run] === bytes[at]) run += 1;
    if (run > 2) out.push(257 - run, bytes[at] ?? 0);
    else {
      run = Math.min(run, bytes.length - at);
      out.push(run - 1, ...bytes.subarray(at, at + run));
    }
    at += run;
  }
  if (out.length % 2 === 1) out.push(0);
  return Uint8Array.from(out);
}

/** ITU-T T.81 annex H: process 14 with 17 Huffman codes of five bits each. */
export function jpegLossless({ rows, columns, bits, values }: Plane, predictor: number): Uint8Array {
  const counts = Array.from({ length: 16 }, (_, at) => (at === 4 ? 17 : 0));
  const symbols = Array.from({ length: 17 }, (_, at) => at);
  const head = [
    0xff,
    0xd8,
    0xff,
    0xc3,
    0,
    11,
    bits,
    rows >> 8,
    rows & 255,
    columns >> 8,
    columns & 255,
    1,
    1,
    0x11,
    0,
  ];
  const tables = [0xff, 0xc4, 0, 36, 0, ...counts, ...symbols, 0xff, 0xda, 0, 8, 1, 1, 0, predictor, 0, 0];
  const sink = new BitSink();
  for (let at = 0; at < values.length; at += 1) {
    const diff =
      ((((values[at] ?? 0) - predicted(values, at, columns, bits, predictor)) << 16) >> 16) & 0xffff;
    const signed = (diff << 16) >> 16;
    const category = signed === -32_768 ? 16 : 32 - Math.clz32(Math.abs(signed));
    sink.put(category, 5);
    if (category < 16) sink.put(signed < 0 ? signed + 2 ** category - 1 : signed, category);
  }
  return Uint8Array.from([...head, ...tables, ...sink.end(), 0xff, 0xd9]);
}

/** Table H.1; the first row is predicted from the left, the first column from above. */
function predicted(
  values: Uint16Array,
  at: number,
  columns: number,
  bits: number,
  predictor: number,
): number {
  if (at === 0) return 2 ** (bits - 1);
  const left = values[at - 1] ?? 0;
  if (at < columns) return left;
  const above = values[at - columns] ?? 0;
  if (at % columns === 0) return above;
  const corner = values[at - columns - 1] ?? 0;
  const table = [
    0,
    left,
    above,
    corner,
    left + above - corner,
    left + ((above - corner) >> 1),
    above + ((left - corner) >> 1),
    (left + above) >> 1,
  ];
  return table[predictor] ?? 0;
}

class BitSink {
  private readonly out: number[] = [];
  private held = 0;
  private count = 0;

  put(value: number, bits: number): void {
    for (let bit = bits - 1; bit >= 0; bit -= 1) {
      this.held = (this.held << 1) | ((value >> bit) & 1);
      this.count += 1;
      if (this.count === 8) this.flush();
    }
  }

  end(): readonly number[] {
    while (this.count > 0) this.put(1, 1);
    return this.out;
  }

  private flush(): void {
    this.out.push(this.held);
    // A byte FF is followed by 00, so that it is no marker (F.1.2.3).
    if (this.held === 0xff) this.out.push(0);
    this.held = 0;
    this.count = 0;
  }
}

function ignore(): void {}
