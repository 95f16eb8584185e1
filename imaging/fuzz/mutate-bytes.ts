import type { Random } from './random.ts';

const WORDS = [
  0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 254, 255, 256, 257, 4095, 4096, 4097, 32_767, 32_768, 65_534, 65_535,
];
const LONGS = [
  ...WORDS,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_fffe,
  0xffff_ffff,
  0x0001_0000,
  0x1000_0000,
  0xe000_fffe,
  0xe00d_fffe,
  0xe0dd_fffe,
];

/** Knows nothing of formats: flips, overwrites, cuts, repeats, moves and splices, mostly near the beginning. */
export function mutateBytes(
  bytes: Uint8Array,
  random: Random,
  other: () => Uint8Array,
): { bytes: Uint8Array; what: string } {
  const what = random.weighted(OPERATIONS);
  return { bytes: what(Buffer.from(bytes), random, other), what: what.name };
}

type Operation = (bytes: Buffer, random: Random, other: () => Uint8Array) => Uint8Array;

/** Two in three within the first 2 kB, where the headers are; one in ten at the end. */
function place(bytes: Uint8Array, random: Random): number {
  if (bytes.length === 0) return 0;
  const near = Math.min(bytes.length, 2048);
  if (random.chance(0.1)) return bytes.length - 1 - random.below(Math.min(bytes.length, 64));
  // Not the preamble: a file that is no longer of its kind is refused at the first look.
  if (random.chance(0.65))
    return random.chance(0.02) ? random.below(near) : Math.min(bytes.length - 1, 132 + random.below(near));
  return random.below(bytes.length);
}

function flipBits(bytes: Buffer, random: Random): Buffer {
  for (let left = random.between(1, 4); left > 0 && bytes.length > 0; left -= 1) {
    const at = place(bytes, random);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  }
  return bytes;
}

function changeBytes(bytes: Buffer, random: Random): Buffer {
  for (let left = random.between(1, 8); left > 0 && bytes.length > 0; left -= 1) {
    bytes[place(bytes, random)] = random.chance(0.3) ? random.pick([0, 0xff, 0x7f, 0x80]) : random.below(256);
  }
  return bytes;
}

function oddNumber(bytes: Buffer, random: Random): Buffer {
  const at = place(bytes, random);
  if (at + 4 > bytes.length) return bytes;
  if (random.chance(0.5)) {
    const word = random.pick(WORDS);
    return random.chance(0.7)
      ? write(bytes, (b) => b.writeUInt16LE(word, at))
      : write(bytes, (b) => b.writeUInt16BE(word, at));
  }
  const long = random.pick(LONGS);
  return random.chance(0.7)
    ? write(bytes, (b) => b.writeUInt32LE(long, at))
    : write(bytes, (b) => b.writeUInt32BE(long, at));
}

/** What may be a length, a little more or less. */
function nudge(bytes: Buffer, random: Random): Buffer {
  const at = place(bytes, random) & ~1;
  if (at + 2 > bytes.length) return bytes;
  const by = random.pick([-8, -4, -2, -1, 1, 2, 4, 8, 256]);
  return write(bytes, (b) => b.writeUInt16LE((b.readUInt16LE(at) + by) & 0xffff, at));
}

function remove(bytes: Buffer, random: Random): Uint8Array {
  const at = place(bytes, random);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + extent(random))]);
}

function repeat(bytes: Buffer, random: Random): Uint8Array {
  const at = place(bytes, random);
  const block = bytes.subarray(at, at + extent(random));
  const times = random.chance(0.1)
    ? Math.min(500, Math.floor(200_000 / (block.length + 1)))
    : random.between(1, 3);
  return Buffer.concat([
    bytes.subarray(0, at),
    ...Array.from({ length: times }, () => block),
    bytes.subarray(at),
  ]);
}

function insert(bytes: Buffer, random: Random): Uint8Array {
  const at = place(bytes, random);
  const block = random.chance(0.5)
    ? random.bytes(random.between(1, 64))
    : new Uint8Array(random.between(1, 64)).fill(random.pick([0, 0xff, 0x20]));
  return Buffer.concat([bytes.subarray(0, at), block, bytes.subarray(at)]);
}

function overwrite(bytes: Buffer, random: Random): Buffer {
  const at = place(bytes, random);
  const from = place(bytes, random);
  bytes.copy(bytes, at, from, from + extent(random));
  return bytes;
}

function fill(bytes: Buffer, random: Random): Buffer {
  const at = place(bytes, random);
  return bytes.fill(random.pick([0, 0xff, 0x41, 0x80]), at, Math.min(bytes.length, at + extent(random)));
}

function cut(bytes: Buffer, random: Random): Uint8Array {
  return bytes.subarray(0, random.chance(0.5) ? place(bytes, random) : random.below(bytes.length + 1));
}

function splice(bytes: Buffer, random: Random, other: () => Uint8Array): Uint8Array {
  const second = other();
  return Buffer.concat([bytes.subarray(0, place(bytes, random)), second.subarray(place(second, random))]);
}

function append(bytes: Buffer, random: Random, other: () => Uint8Array): Uint8Array {
  return Buffer.concat([bytes, random.chance(0.5) ? other() : random.bytes(random.between(1, 300))]);
}

function noise(bytes: Buffer, random: Random): Uint8Array {
  const keep = Math.min(bytes.length, random.pick([0, 4, 8, 128, 132, 144, 300]));
  return Buffer.concat([bytes.subarray(0, keep), random.bytes(random.between(0, 2000))]);
}

function extent(random: Random): number {
  return random.weighted([
    [5, random.between(1, 8)],
    [3, random.between(8, 200)],
    [1, random.between(200, 20_000)],
  ]);
}

function write(bytes: Buffer, put: (bytes: Buffer) => void): Buffer {
  put(bytes);
  return bytes;
}

const OPERATIONS: readonly (readonly [number, Operation])[] = [
  [6, flipBits],
  [6, changeBytes],
  [6, oddNumber],
  [4, nudge],
  [3, remove],
  [3, repeat],
  [3, insert],
  [2, overwrite],
  [2, fill],
  [4, cut],
  [2, splice],
  [1, append],
  [0.5, noise],
];
