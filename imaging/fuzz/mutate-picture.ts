import { deflateSync, inflateSync } from 'node:zlib';
import { pngChunk } from './built.ts';
import { WORDS } from './hostile-values.ts';
import { mutateFrame } from './mutate-frame.ts';
import type { Random } from './random.ts';

type Chunk = { type: string; body: Uint8Array };
type Operation = (chunks: Chunk[], random: Random) => Chunk[];

/** A PNG or JPEG changed in its own terms; a PNG's checksums are made good again, or nothing behind them is met. */
export function mutatePicture(
  bytes: Uint8Array,
  kind: 'png' | 'jpeg',
  random: Random,
): { bytes: Uint8Array; what: string } {
  if (kind === 'jpeg') return mutateFrame(bytes, random);
  const operation = random.weighted(PNG);
  const chunks = operation(chunksOf(bytes), random);
  return {
    bytes: Buffer.concat([bytes.subarray(0, 8), ...chunks.map(({ type, body }) => pngChunk(type, body))]),
    what: operation.name,
  };
}

function chunksOf(bytes: Uint8Array): Chunk[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  let at = 8;
  while (at + 12 <= view.length) {
    const length = view.readUInt32BE(at);
    chunks.push({
      type: view.toString('latin1', at + 4, at + 8),
      body: view.subarray(at + 8, at + 8 + length),
    });
    at += 12 + length;
  }
  return chunks;
}

function head(chunks: Chunk[], random: Random): Chunk[] {
  return chunks.map((chunk) => {
    if (chunk.type !== 'IHDR') return chunk;
    const body = Buffer.from(chunk.body);
    random.pick([
      () => body.writeUInt32BE(random.chance(0.8) ? random.pick(WORDS) : random.word(), 0),
      () => body.writeUInt32BE(random.chance(0.8) ? random.pick(WORDS) : random.word(), 4),
      () => body.writeUInt8(random.pick([0, 1, 2, 4, 8, 16, 32, 255]), 8),
      () => body.writeUInt8(random.pick([0, 1, 2, 3, 4, 5, 6, 7, 255]), 9),
      () => body.writeUInt8(random.pick([1, 255]), 10),
      () => body.writeUInt8(random.pick([1, 255]), 11),
      () => body.writeUInt8(random.pick([1, 2, 255]), 12),
    ])();
    return { type: 'IHDR', body };
  });
}

/** The zlib stream itself. */
function stream(chunks: Chunk[], random: Random): Chunk[] {
  return onPixels(chunks, (body) => {
    const bytes = Buffer.from(body);
    for (let left = random.pick([1, 2, 8]); left > 0; left -= 1)
      bytes[random.chance(0.3) ? random.below(16) % bytes.length : random.below(bytes.length)] =
        random.below(256);
    return random.chance(0.2) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
  });
}

/** The scan lines inside it: filter types that do not exist, too few lines, too many. */
function scanLines(chunks: Chunk[], random: Random): Chunk[] {
  return onPixels(chunks, (body) => {
    const lines = inflateSync(body, { maxOutputLength: 8_000_000 });
    for (let left = random.pick([0, 1, 20]); left > 0; left -= 1)
      lines[random.below(lines.length)] = random.pick([0, 1, 2, 3, 4, 5, 255]);
    const size = random.pick([
      0,
      1,
      lines.length >> 1,
      lines.length - 1,
      lines.length,
      lines.length + 1,
      lines.length * 2,
    ]);
    return deflateSync(
      size <= lines.length
        ? lines.subarray(0, size)
        : Buffer.concat([lines, new Uint8Array(size - lines.length)]),
      { level: 1 },
    );
  });
}

function onPixels(chunks: Chunk[], change: (body: Uint8Array) => Uint8Array): Chunk[] {
  const pixels = Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ body }) => body));
  if (pixels.length === 0) return chunks;
  const first = chunks.findIndex(({ type }) => type === 'IDAT');
  const rest = chunks.filter(({ type }) => type !== 'IDAT');
  try {
    return rest.toSpliced(first, 0, { type: 'IDAT', body: change(pixels) });
  } catch {
    // A stream that does not inflate was not made worse.
    return chunks;
  }
}

function moved(chunks: Chunk[], random: Random): Chunk[] {
  const [taken] = chunks.splice(random.below(chunks.length), 1);
  return taken === undefined ? chunks : chunks.toSpliced(random.below(chunks.length + 1), 0, taken);
}

function dropped(chunks: Chunk[], random: Random): Chunk[] {
  return chunks.toSpliced(random.below(chunks.length), 1);
}

function repeated(chunks: Chunk[], random: Random): Chunk[] {
  const chunk = random.pick(chunks);
  const times = chunk.body.length > 2000 ? 1 : random.pick([1, 3, 1000]);
  return chunks.toSpliced(random.below(chunks.length + 1), 0, ...Array.from({ length: times }, () => chunk));
}

function added(chunks: Chunk[], random: Random): Chunk[] {
  const chunk = random.pick<() => Chunk>([
    () => ({
      type: 'iCCP',
      body: Buffer.concat([Buffer.from('x\0\0'), zip(random.pick([10, 3000, 2_000_000]))]),
    }),
    () => ({
      type: 'zTXt',
      body: Buffer.concat([Buffer.from('Comment\0\0'), zip(random.pick([10, 2_000_000]))]),
    }),
    () => ({ type: 'tEXt', body: random.bytes(random.pick([0, 1, 300])) }),
    () => ({ type: 'eXIf', body: random.bytes(random.pick([0, 8, 100])) }),
    () => ({ type: 'tRNS', body: random.bytes(random.pick([0, 1, 2, 6, 256, 300])) }),
    () => ({ type: 'PLTE', body: random.bytes(random.pick([0, 1, 3, 768, 771])) }),
    () => ({ type: 'gAMA', body: random.bytes(4) }),
    () => ({ type: 'acTL', body: random.bytes(8) }),
    () => ({
      type: random.pick(['IHDR', 'IEND', 'IDAT', '\0\0\0\0', 'abcd', 'ABCD']),
      body: random.bytes(random.pick([0, 13, 40])),
    }),
  ])();
  return chunks.toSpliced(1 + random.below(chunks.length), 0, chunk);
}

function zip(size: number): Uint8Array {
  return deflateSync(new Uint8Array(size), { level: 1 });
}

function splitPixels(chunks: Chunk[], random: Random): Chunk[] {
  const size = random.pick([1, 2, 50]);
  return chunks.flatMap((chunk) => {
    if (chunk.type !== 'IDAT') return [chunk];
    const count = Math.min(3000, Math.ceil(chunk.body.length / size));
    const each = Math.ceil(chunk.body.length / count);
    return Array.from({ length: count }, (_, at) => ({
      type: 'IDAT',
      body: chunk.body.subarray(at * each, (at + 1) * each),
    }));
  });
}

const PNG: readonly (readonly [number, Operation])[] = [
  [5, head],
  [5, stream],
  [4, scanLines],
  [1, moved],
  [1, dropped],
  [1, repeated],
  [3, added],
  [1, splitPixels],
];
