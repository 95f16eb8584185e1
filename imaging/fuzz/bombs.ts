import { deflateRawSync, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { png, pngChunk } from './built.ts';
import { PIXEL_DATA, cloneTree, encodingOf, put, short, text } from './dataset.ts';
import type { Node, Tree } from './dataset.ts';
import { writeTree } from './dataset-write.ts';
import { htj2k, jpeg2000, jpegLs } from './encode.ts';
import type { Plane } from './encode.ts';
import type { Random } from './random.ts';

/** Small files that ask for much: each costs a decoder its patience or its memory, so one is drawn now and then. */
export async function bomb(tree: Tree, random: Random): Promise<{ bytes: Uint8Array; what: string }> {
  const make = random.pick(BOMBS);
  const copy = cloneTree(tree);
  // Most are spelled out in explicit little endian.
  copy.encoding = encodingOf(EXPLICIT);
  put(copy.meta, text(0x0002_0010, 'UI', EXPLICIT));
  sixteenBits(copy);
  return { bytes: await make(copy, random), what: `bomb ${make.name}` };
}

/** So that only the size is wrong. */
function sixteenBits(tree: Tree): void {
  put(tree.data, short(tree, 0x0028_0002, 1));
  put(tree.data, text(0x0028_0004, 'CS', 'MONOCHROME2'));
  put(tree.data, text(0x0028_0008, 'IS', '1'));
  put(tree.data, short(tree, 0x0028_0100, 16));
  put(tree.data, short(tree, 0x0028_0101, 12));
  put(tree.data, short(tree, 0x0028_0102, 11));
  put(tree.data, short(tree, 0x0028_0103, 0));
  put(tree.data, text(0x0028_1052, 'DS', '-1024'));
  put(tree.data, text(0x0028_1053, 'DS', '1'));
  put(tree.data, text(0x0008_0060, 'CS', 'CT'));
}

type Bomb = (tree: Tree, random: Random) => Uint8Array | Promise<Uint8Array>;

const EXPLICIT = '1.2.840.10008.1.2.1';
const MIB = 1024 * 1024;

const BOMBS: readonly Bomb[] = [
  function nestedWithoutEnd(tree, random) {
    const level = Buffer.from('08004011535100 00ffffffff feff00e0ffffffff'.replaceAll(' ', ''), 'hex');
    return withBody(tree, Buffer.concat(Array.from({ length: random.pick([5000, 100_000]) }, () => level)));
  },
  function nestedImplicit(tree, random) {
    put(tree.meta, text(0x0002_0010, 'UI', '1.2.840.10008.1.2'));
    const level = Buffer.from('08004011ffffffff feff00e0ffffffff'.replaceAll(' ', ''), 'hex');
    return withBody(tree, Buffer.concat(Array.from({ length: random.pick([5000, 100_000]) }, () => level)));
  },
  function nestedOfUnknownVr(tree, random) {
    const level = Buffer.from('09001010554e0000ffffffff feff00e0ffffffff'.replaceAll(' ', ''), 'hex');
    return withBody(tree, Buffer.concat(Array.from({ length: random.pick([500, 50_000]) }, () => level)));
  },
  function aMillionElements(tree, random) {
    return withBody(tree, elements(random.pick([200_000, 1_000_000])));
  },
  function aMillionTimesTheSame(tree) {
    const one = Buffer.from('100010004c4f0000', 'hex');
    return withBody(tree, Buffer.alloc(1_000_000 * one.length, one));
  },
  function aMillionItems(tree, random) {
    const item = Buffer.from('feff00e000000000', 'hex');
    const head = Buffer.from('080040115351 0000 ffffffff'.replaceAll(' ', ''), 'hex');
    return withBody(tree, Buffer.concat([head, Buffer.alloc(random.pick([100_000, 1_000_000]) * 8, item)]));
  },
  function aMillionFragments(tree, random) {
    put(
      tree.meta,
      text(
        0x0002_0010,
        'UI',
        random.pick(['1.2.840.10008.1.2.5', '1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.4.70']),
      ),
    );
    const item = Buffer.from('feff00e000000000', 'hex');
    const body = Buffer.alloc(random.pick([100_000, 1_000_000]) * 8, item);
    return Buffer.concat([
      writeTree(without(tree)),
      Buffer.from('e07f10004f420000ffffffff', 'hex'),
      body,
      Buffer.from('feffdde000000000', 'hex'),
    ]);
  },
  function aLongNumber(tree, random) {
    const value = Buffer.alloc(4 * MIB, random.pick(['9', '\\', '1\\', ' ', '-', '0']));
    put(tree.data, {
      tag: random.pick([0x0028_0008, 0x0028_0030, 0x0020_0032, 0x0028_1053, 0x0028_0004]),
      vr: random.pick(['UT', 'UN', 'OB']),
      value,
    });
    return writeTree(tree);
  },
  function deflatedZeros(tree, random) {
    return deflated(tree, zerosDeflated(random.pick([32, 127, 129, 600])));
  },
  function deflatedElements(tree, random) {
    return deflated(tree, deflateRawSync(elements(random.pick([500_000, 2_000_000])), { level: 1 }));
  },
  function deflatedFrames(tree, random) {
    const frames = random.pick([100, 400, 2000]);
    put(tree.data, text(0x0028_0008, 'IS', String(frames)));
    put(tree.data, short(tree, 0x0028_0010, 128));
    put(tree.data, short(tree, 0x0028_0011, 256));
    put(tree.data, native(Buffer.alloc(Math.min(120 * MIB, frames * 128 * 256 * 2))));
    return deflated(tree, deflateRawSync(writeTree(tree).subarray(metaLength(tree)), { level: 1 }));
  },
  function manyTinyFrames(tree, random) {
    const frames = random.pick([2000, 60_000, 500_000]);
    put(tree.data, text(0x0028_0008, 'IS', String(frames)));
    put(tree.data, short(tree, 0x0028_0010, 1));
    put(tree.data, short(tree, 0x0028_0011, 1));
    put(tree.data, native(new Uint8Array(frames * 2)));
    return writeTree(tree);
  },
  function oneFragmentForEveryFrame(tree, random) {
    const frames = random.pick([1000, 50_000]);
    const pixels = tree.data.find(({ tag }) => tag === PIXEL_DATA);
    const table = Buffer.alloc(frames * 8);
    const lengths = Buffer.alloc(frames * 8, 0);
    const fragment = pixels?.fragments?.[1]?.bytes ?? new Uint8Array(100);
    for (let at = 0; at < frames; at += 1) lengths.writeUInt32LE(fragment.length, at * 8);
    put(tree.meta, text(0x0002_0010, 'UI', '1.2.840.10008.1.2.4.90'));
    put(tree.data, text(0x0028_0008, 'IS', String(frames)));
    put(tree.data, { tag: 0x7fe0_0001, vr: 'OV', value: table });
    put(tree.data, { tag: 0x7fe0_0002, vr: 'OV', value: lengths });
    put(tree.data, {
      tag: PIXEL_DATA,
      vr: 'OB',
      value: new Uint8Array(),
      fragments: [{ bytes: new Uint8Array() }, { bytes: fragment }],
      undefinedLength: true,
    });
    return writeTree(tree);
  },
  function perFrameGroups(tree, random) {
    const frames = random.pick([1000, 20_000]);
    put(tree.data, text(0x0028_0008, 'IS', String(frames)));
    put(tree.data, {
      tag: 0x5200_9230,
      vr: 'SQ',
      value: new Uint8Array(),
      items: Array.from({ length: frames }, (_, at) => ({ nodes: [planePosition(at)] })),
      undefinedLength: true,
    });
    return writeTree(tree);
  },
  function largestPlain(tree) {
    put(tree.data, short(tree, 0x0028_0010, 4096));
    put(tree.data, short(tree, 0x0028_0011, 4096));
    put(tree.data, native(new Uint8Array(32 * MIB)));
    return writeTree(tree);
  },
  function largestRle(tree, random) {
    put(tree.meta, text(0x0002_0010, 'UI', '1.2.840.10008.1.2.5'));
    put(tree.data, short(tree, 0x0028_0010, 4096));
    put(tree.data, short(tree, 0x0028_0011, 4096));
    const plane = Buffer.alloc((16 * MIB * 2) / 128, Buffer.from([129, random.below(256)]));
    const head = Buffer.alloc(64);
    for (const [at, value] of [2, 64, 64 + plane.length].entries()) head.writeUInt32LE(value, at * 4);
    put(tree.data, encapsulated(Buffer.concat([head, plane, plane])));
    return writeTree(tree);
  },
  async function largestCompressed(tree, random) {
    const [uid, make] = random.pick(COMPRESSED);
    put(tree.meta, text(0x0002_0010, 'UI', uid));
    const side = 4096;
    put(tree.data, short(tree, 0x0028_0010, side));
    put(tree.data, short(tree, 0x0028_0011, side));
    const frame = await make({ rows: side, columns: side, bits: 12, values: new Uint16Array(side * side) });
    put(tree.data, encapsulated(frame.length % 2 === 0 ? frame : Buffer.concat([frame, new Uint8Array(1)])));
    return writeTree(tree);
  },
  function rlePauses(tree) {
    put(tree.meta, text(0x0002_0010, 'UI', '1.2.840.10008.1.2.5'));
    const head = Buffer.alloc(64);
    for (const [at, value] of [2, 64, 64].entries()) head.writeUInt32LE(value, at * 4);
    put(tree.data, encapsulated(Buffer.concat([head, Buffer.alloc(30 * MIB, 128)])));
    return writeTree(tree);
  },
  function pngOfZeros(_, random) {
    const side = random.pick([2048, 4096, 4096, 16_384]);
    return png(side, side, 8, random.pick([0, 2, 6]), deflateSync(new Uint8Array(side * 1024), { level: 1 }));
  },
  function largestPng(_, random) {
    const depth = random.pick([8, 16]);
    return png(
      4096,
      4096,
      depth,
      6,
      deflateSync(new Uint8Array((1 + (4096 * 4 * depth) / 8) * 4096), { level: 1 }),
    );
  },
  function pngOfEndlessPixels() {
    return png(16, 16, 8, 0, deflateSync(new Uint8Array(300 * MIB), { level: 1 }));
  },
  function pngWithProfile(_, random) {
    const zip = deflateSync(new Uint8Array(200 * MIB), { level: 1 });
    const chunk = random.chance(0.5)
      ? pngChunk('iCCP', Buffer.concat([Buffer.from('x\0\0'), zip]))
      : pngChunk('zTXt', Buffer.concat([Buffer.from('C\0\0'), zip]));
    return png(16, 16, 8, 0, deflateSync(new Uint8Array(17 * 16)), [chunk]);
  },
  function pngOfManyChunks(_, random) {
    const chunk = pngChunk('teXt', random.bytes(random.pick([0, 3])));
    return png(
      16,
      16,
      8,
      0,
      deflateSync(new Uint8Array(17 * 16)),
      Array.from({ length: 300_000 }, () => chunk),
    );
  },
  async function jpegOfManyScans(_, random) {
    const side = random.pick([1024, 4096]);
    const blank = sharp({ create: { width: side, height: side, channels: 3, background: '#808080' } });
    const whole = await blank.jpeg({ progressive: true, optimiseScans: false }).toBuffer();
    const last = whole.lastIndexOf(Buffer.from([0xff, 0xda]));
    const scan = whole.subarray(last, whole.length - 2);
    const times = Math.min(2000, Math.floor((8 * MIB) / scan.length));
    return Buffer.concat([
      whole.subarray(0, -2),
      ...Array.from({ length: times }, () => scan),
      whole.subarray(-2),
    ]);
  },
  async function largestJpeg(_, random) {
    const size = random.pick([4096, 16_000]);
    const bytes = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#808080' } })
      .jpeg()
      .toBuffer();
    const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
    bytes.writeUInt16BE(size, frame + 5);
    bytes.writeUInt16BE(size, frame + 7);
    return bytes;
  },
];

const COMPRESSED: readonly (readonly [string, (plane: Plane) => Promise<Uint8Array>])[] = [
  ['1.2.840.10008.1.2.4.80', async (plane) => jpegLs(plane, 0)],
  ['1.2.840.10008.1.2.4.90', async (plane) => jpeg2000(plane, true)],
  ['1.2.840.10008.1.2.4.201', async (plane) => htj2k(plane, true)],
];

/** Empty ones, each with another tag, in ascending order. */
function elements(count: number): Buffer {
  const bytes = Buffer.alloc(count * 8);
  for (let at = 0; at < count; at += 1) {
    bytes.writeUInt16LE(0x0009 + 2 * (at >> 16), at * 8);
    bytes.writeUInt16LE(at & 0xffff, at * 8 + 2);
    bytes.write('LO', at * 8 + 4, 'latin1');
  }
  return bytes;
}

function planePosition(at: number): Node {
  const nodes = [text(0x0020_0032, 'DS', `0\\0\\${at}`)];
  return { tag: 0x0020_9113, vr: 'SQ', value: new Uint8Array(), items: [{ nodes }] };
}

function native(value: Uint8Array): Node {
  return { tag: PIXEL_DATA, vr: 'OW', value };
}

function encapsulated(frame: Uint8Array): Node {
  return {
    tag: PIXEL_DATA,
    vr: 'OB',
    value: new Uint8Array(),
    fragments: [{ bytes: new Uint8Array() }, { bytes: frame }],
    undefinedLength: true,
  };
}

function without(tree: Tree): Tree {
  return { ...tree, data: tree.data.filter(({ tag }) => tag < PIXEL_DATA) };
}

function metaLength(tree: Tree): number {
  return writeTree({ ...tree, data: [], encoding: encodingOf(EXPLICIT) }).length;
}

/** The file's meta group, then a body of one's own. */
function withBody(tree: Tree, body: Uint8Array): Uint8Array {
  return Buffer.concat([writeTree({ ...tree, data: [], encoding: encodingOf(EXPLICIT) }), body]);
}

function deflated(tree: Tree, body: Uint8Array): Uint8Array {
  put(tree.meta, text(0x0002_0010, 'UI', `${EXPLICIT}.99`));
  return withBody(tree, body);
}

const zeros = new Map<number, Uint8Array>();

function zerosDeflated(mebibytes: number): Uint8Array {
  const known = zeros.get(mebibytes);
  if (known !== undefined) return known;
  const made = new Uint8Array(deflateRawSync(new Uint8Array(mebibytes * MIB), { level: 1 }));
  zeros.set(mebibytes, made);
  return made;
}
