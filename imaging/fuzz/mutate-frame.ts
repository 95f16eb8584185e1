import { LENGTHS, WORDS } from './hostile-values.ts';
import type { Random } from './random.ts';

/** A marker segment: `at` is where its marker FFxx is, `length` its declared length (two bytes less than it takes). */
type Segment = { readonly marker: number; readonly at: number; readonly length: number };
type Operation = (frame: Buffer, segments: readonly Segment[], random: Random) => Uint8Array;

/** A compressed frame, or a JPEG file, changed where its own format can be made to lie. */
export function mutateFrame(frame: Uint8Array, random: Random): { bytes: Uint8Array; what: string } {
  const bytes = Buffer.from(frame);
  if (bytes.length < 4) return { bytes: random.bytes(20), what: 'noise' };
  if (bytes.readUInt16BE(0) === 0xff_d8) return run(random.weighted(JPEG), bytes, walk(bytes), random);
  if (bytes.readUInt16BE(0) === 0xff_4f) return run(random.weighted(J2K), bytes, walk(bytes), random);
  return run(random.pick(RLE), bytes, [], random);
}

function run(operation: Operation, bytes: Buffer, segments: readonly Segment[], random: Random) {
  return { bytes: operation(bytes, segments, random), what: operation.name };
}

/** The segments of the first header, up to the first scan or tile part. */
function walk(bytes: Buffer): readonly Segment[] {
  const segments: Segment[] = [];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0;
    const length = bytes.readUInt16BE(at + 2);
    segments.push({ marker, at, length });
    // SOS of JPEG; SOT of JPEG 2000, where the main header ends.
    if (marker === 0xda || marker === 0x90) break;
    at += 2 + Math.max(2, length);
  }
  return segments;
}

function segmentLength(bytes: Buffer, segments: readonly Segment[], random: Random): Buffer {
  if (segments.length === 0) return bytes;
  const { at, length } = random.pick(segments);
  const value = random.chance(0.5)
    ? random.pick(WORDS)
    : Math.max(0, length + random.pick([-3, -2, -1, 1, 2, 3, 19]));
  bytes.writeUInt16BE(value & 0xffff, at + 2);
  return bytes;
}

/** Bytes of one segment's content; small numbers and full ones, as counts, indices and precisions are. */
function segmentBytes(bytes: Buffer, segments: readonly Segment[], random: Random): Buffer {
  if (segments.length === 0) return bytes;
  const { at, length } = random.pick(segments);
  for (let left = random.between(1, 4); left > 0; left -= 1) {
    const to = at + 4 + random.below(Math.max(1, Math.min(length - 2, 60)));
    if (to < bytes.length)
      bytes[to] = random.chance(0.6)
        ? random.pick([0, 1, 2, 3, 4, 8, 16, 17, 32, 33, 64, 127, 128, 254, 255])
        : random.below(256);
  }
  return bytes;
}

function segmentMarker(bytes: Buffer, segments: readonly Segment[], random: Random): Buffer {
  if (segments.length === 0) return bytes;
  bytes[random.pick(segments).at + 1] = random.chance(0.5)
    ? random.pick([
        0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc9, 0xcb, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xe0, 0xee, 0xf7, 0xf8,
        0xfe, 0x51, 0x52, 0x53, 0x5c, 0x5e, 0x90, 0x93,
      ])
    : random.below(256);
  return bytes;
}

function segmentDropped(bytes: Buffer, segments: readonly Segment[], random: Random): Uint8Array {
  if (segments.length === 0) return bytes;
  const { at, length } = random.pick(segments);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 2 + length)]);
}

function segmentRepeated(bytes: Buffer, segments: readonly Segment[], random: Random): Uint8Array {
  if (segments.length === 0) return bytes;
  const { at, length } = random.pick(segments);
  const whole = bytes.subarray(at, at + 2 + length);
  const times = random.weighted([
    [6, 1],
    [2, 20],
    [1, Math.min(2000, Math.floor(100_000 / (whole.length + 1)))],
  ]);
  return Buffer.concat([
    bytes.subarray(0, at),
    ...Array.from({ length: times }, () => whole),
    bytes.subarray(at),
  ]);
}

function segmentsSwapped(bytes: Buffer, segments: readonly Segment[], random: Random): Uint8Array {
  const movable = segments.filter(({ marker }) => marker !== 0xda && marker !== 0x90);
  if (movable.length < 2) return bytes;
  const { at, length } = random.pick(movable);
  const whole = bytes.subarray(at, at + 2 + length);
  const rest = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 2 + length)]);
  const { at: to } = random.pick(movable);
  return Buffer.concat([rest.subarray(0, to), whole, rest.subarray(to)]);
}

function segmentInserted(bytes: Buffer, segments: readonly Segment[], random: Random): Uint8Array {
  if (segments.length === 0) return bytes;
  const { at } = random.pick(segments);
  const body = random.bytes(random.pick([0, 2, 4, 17, 64, 300]));
  const head = Buffer.from([
    0xff,
    random.pick([
      0xc4, 0xdb, 0xdc, 0xdd, 0xf8, 0xe0, 0xfe, 0x52, 0x53, 0x5d, 0x5f, 0x55, 0x57, 0x58, 0x60, 0x61, 0x64,
    ]),
    0,
    0,
  ]);
  head.writeUInt16BE(random.chance(0.8) ? body.length + 2 : random.pick(WORDS), 2);
  return Buffer.concat([bytes.subarray(0, at), head, body, bytes.subarray(at)]);
}

/** SOFn: precision, lines, samples, components, sampling factors. */
function jpegFrame(bytes: Buffer, segments: readonly Segment[], random: Random): Buffer {
  const frame =
    segments.find(({ marker }) => (marker & 0xf0) === 0xc0 && marker !== 0xc4 && marker !== 0xcc) ??
    segments.find(({ marker }) => marker === 0xf7);
  if (frame === undefined || frame.at + 13 > bytes.length) return bytes;
  random.pick([
    () => bytes.writeUInt16BE(random.pick(WORDS), frame.at + 5),
    () => bytes.writeUInt16BE(random.pick(WORDS), frame.at + 7),
    () => bytes.writeUInt8(random.pick([0, 1, 2, 7, 8, 9, 12, 15, 16, 17, 255]), frame.at + 4),
    () => bytes.writeUInt8(random.pick([0, 2, 3, 4, 5, 255]), frame.at + 9),
    () => bytes.writeUInt8(random.pick([0x00, 0x01, 0x10, 0x22, 0x44, 0x4f, 0xff]), frame.at + 11),
  ])();
  return bytes;
}

/** DHT: code lengths that hold more codes than they can. */
function fullTable(bytes: Buffer, segments: readonly Segment[], random: Random): Buffer {
  const table = segments.find(({ marker }) => marker === 0xc4);
  if (table === undefined || table.at + 21 > bytes.length) return bytes;
  for (let left = random.between(1, 16); left > 0; left -= 1)
    bytes[table.at + 5 + random.below(16)] = random.pick([0, 1, 2, 17, 255]);
  if (random.chance(0.3)) bytes[table.at + 4] = random.pick([0x00, 0x03, 0x04, 0x10, 0x13, 0x0f, 0xff]);
  return bytes;
}

/** SOS: components, tables, predictor or NEAR, point transform or interleave. */
function scanHeader(bytes: Buffer, segments: readonly Segment[], random: Random): Buffer {
  const scan = segments.find(({ marker }) => marker === 0xda);
  if (scan === undefined || scan.at + 10 > bytes.length) return bytes;
  bytes[scan.at + 4 + random.below(6)] = random.pick([
    0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 63, 64, 127, 128, 255,
  ]);
  return bytes;
}

/** The entropy-coded part: bits, restart markers, stuffing, an early end. */
function codedBytes(bytes: Buffer, segments: readonly Segment[], random: Random): Uint8Array {
  const last = segments.at(-1);
  const from = Math.min(bytes.length - 1, last === undefined ? 0 : last.at + 2 + last.length);
  const span = Math.max(1, bytes.length - from - 2);
  for (let left = random.pick([1, 2, 8, 40]); left > 0; left -= 1) {
    bytes[from + random.below(span)] = random.chance(0.3) ? 0xff : random.below(256);
  }
  if (random.chance(0.2)) {
    const at = from + random.below(span);
    const mark = Uint8Array.of(0xff, random.pick([0, 0xd0, 0xd7, 0xd9, 0xda, 0xff, 0x90, 0x91]));
    return Buffer.concat([bytes.subarray(0, at), mark, bytes.subarray(at)]);
  }
  return bytes;
}

function cutButEnded(bytes: Buffer, _: readonly Segment[], random: Random): Uint8Array {
  return Buffer.concat([bytes.subarray(0, random.below(bytes.length)), Uint8Array.of(0xff, 0xd9)]);
}

/** SIZ (ISO/IEC 15444-1 A.5.1): sizes and offsets of image and tiles, components, precision, subsampling. */
function siz(bytes: Buffer, segments: readonly Segment[], random: Random): Buffer {
  const size = segments.find(({ marker }) => marker === 0x51);
  if (size === undefined || size.at + 43 > bytes.length) return bytes;
  random.weighted([
    [
      4,
      () =>
        bytes.writeUInt32BE(
          random.chance(0.7) ? random.pick(WORDS) : random.pick(LENGTHS),
          size.at + 6 + 4 * random.below(8),
        ),
    ],
    [2, () => bytes.writeUInt32BE(random.pick([1, 2, 3, 4, 8]), size.at + 22 + 4 * random.below(2))],
    [1, () => bytes.writeUInt16BE(random.pick(WORDS), size.at + 38)],
    [
      2,
      () =>
        bytes.writeUInt8(random.pick([0, 7, 11, 15, 16, 31, 37, 38, 0x80, 0x8b, 0x8f, 0xff]), size.at + 40),
    ],
    [2, () => bytes.writeUInt8(random.pick([0, 2, 3, 127, 255]), size.at + 41 + random.below(2))],
    [1, () => bytes.writeUInt16BE(random.pick(WORDS), size.at + 4)],
  ])();
  return bytes;
}

/** COD (A.6.1): progression, layers, decomposition levels, code blocks, style, transform, precincts. */
function cod(bytes: Buffer, segments: readonly Segment[], random: Random): Buffer {
  const style = segments.find(({ marker }) => marker === 0x52);
  if (style === undefined || style.at + 14 > bytes.length) return bytes;
  const at = style.at + 4 + random.below(10);
  bytes[at] = random.pick([0, 1, 2, 3, 4, 5, 6, 8, 10, 31, 32, 33, 63, 64, 127, 128, 255]);
  return bytes;
}

/** SOT (A.4.2): tile index, length and number of the tile part. */
function tilePart(bytes: Buffer, segments: readonly Segment[], random: Random): Buffer {
  const part = segments.find(({ marker }) => marker === 0x90);
  if (part === undefined || part.at + 12 > bytes.length) return bytes;
  random.pick([
    () => bytes.writeUInt16BE(random.pick(WORDS), part.at + 4),
    () => bytes.writeUInt32BE(random.pick(LENGTHS), part.at + 6),
    () => bytes.writeUInt8(random.pick([0, 1, 2, 254, 255]), part.at + 10),
    () => bytes.writeUInt8(random.pick([0, 1, 2, 254, 255]), part.at + 11),
  ])();
  return bytes;
}

const COMMON: readonly (readonly [number, Operation])[] = [
  [3, segmentLength],
  [4, segmentBytes],
  [1, segmentMarker],
  [1, segmentDropped],
  [1, segmentRepeated],
  [1, segmentsSwapped],
  [1, segmentInserted],
  [5, codedBytes],
  [1, cutButEnded],
];
const JPEG: readonly (readonly [number, Operation])[] = [
  ...COMMON,
  [3, jpegFrame],
  [2, fullTable],
  [2, scanHeader],
];
const J2K: readonly (readonly [number, Operation])[] = [...COMMON, [4, siz], [4, cod], [2, tilePart]];

const RLE: readonly Operation[] = [
  function segmentCount(bytes, _, random) {
    if (bytes.length >= 4)
      bytes.writeUInt32LE(
        random.chance(0.5) ? random.pick([0, 1, 2, 3, 6, 15, 16, 255]) : random.pick(LENGTHS),
        0,
      );
    return bytes;
  },
  function segmentOffset(bytes, _, random) {
    const at = 4 + 4 * random.pick([0, 1, 1, 2, 14]);
    if (bytes.length < at + 4) return bytes;
    bytes.writeUInt32LE(
      random.chance(0.5)
        ? random.pick(LENGTHS)
        : (bytes.readUInt32LE(at) + random.pick([-2, -1, 1, 2, 63])) >>> 0,
      at,
    );
    return bytes;
  },
  function runs(bytes, _, random) {
    for (let left = random.pick([1, 3, 20]); left > 0; left -= 1)
      bytes[Math.min(bytes.length - 1, 64) + random.below(Math.max(1, bytes.length - 64))] = random.pick([
        0,
        127,
        128,
        129,
        255,
        random.below(256),
      ]);
    return bytes;
  },
  function nothingButPauses(bytes, _, random) {
    return Buffer.concat([bytes.subarray(0, 64), new Uint8Array(random.pick([10, 1000, 100_000])).fill(128)]);
  },
  function headOnly(bytes, _, random) {
    return bytes.subarray(0, random.pick([4, 63, 64, 65]));
  },
];
