import { crc32, deflateSync } from 'node:zlib';

/** A PNG from its scan lines, each with its filter byte; written here so that no encoder changes a level. */
export function png(options: {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA. */
  readonly colour: number;
  readonly lines: Uint8Array;
  readonly extra?: readonly Buffer[];
}): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(options.columns, 0);
  head.writeUInt32BE(options.rows, 4);
  head[8] = options.depth;
  head[9] = options.colour;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    ...(options.extra ?? []),
    chunk('IDAT', deflateSync(options.lines)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

export function chunk(type: string, body: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, crc]);
}

/** Scan lines with filter 0 from samples of 8 or 16 bits. */
export function lines(
  rows: number,
  samplesPerRow: number,
  depth: 8 | 16,
  sample: (at: number) => number,
): Uint8Array {
  const width = 1 + (samplesPerRow * depth) / 8;
  const out = Buffer.alloc(rows * width);
  for (let at = 0; at < rows * samplesPerRow; at += 1) {
    const to = Math.floor(at / samplesPerRow) * width + 1 + ((at % samplesPerRow) * depth) / 8;
    if (depth === 8) out.writeUInt8(sample(at), to);
    else out.writeUInt16BE(sample(at), to);
  }
  return out;
}
