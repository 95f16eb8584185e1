import { deflateRawSync } from 'node:zlib';
import { PICTURE_BOMBS } from './bombs-picture.ts';
import { PIXEL_DATA, cloneTree, encodingOf, put, short, text } from './dataset.ts';
import type { Node, Tree } from './dataset.ts';
import { writeTree } from './dataset-write.ts';
import { htj2k, jpeg2000, jpegLs } from './encode.ts';
import type { Plane } from './encode.ts';
import { mutateFrame } from './mutate-frame.ts';
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

// What is read as text: of the file, of the image, of the patient.
const TEXT_TAGS = [
  0x0002_0002, 0x0002_0003, 0x0002_0010, 0x0008_0008, 0x0008_0016, 0x0008_0018, 0x0008_0020, 0x0008_0030,
  0x0008_002a, 0x0008_0060, 0x0008_103e, 0x0010_0010, 0x0010_0020, 0x0010_0030, 0x0010_1010, 0x0018_0015,
  0x0018_1210, 0x0020_000d, 0x0020_000e, 0x0020_0013, 0x0020_0032, 0x0020_0037, 0x0028_0004, 0x0028_0008,
  0x0028_0030, 0x0028_0301, 0x0028_1052, 0x0028_1053, 0x0028_1054, 0x0028_2110, 0x0028_2112, 0x0040_a730,
  0x0009_0010,
] as const;

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
  function aLongText(tree, random) {
    const length = random.pick([60_000, 60_000, 1_000_000, 4_000_000]);
    const unit = random.pick([
      '9',
      '\\',
      '1\\',
      ' ',
      '-',
      '0',
      '.',
      '1.',
      '^',
      '=',
      'a',
      'Z',
      '\0',
      '\u001b$B',
      'Zwq7^',
    ]);
    const value = Buffer.concat([
      Buffer.alloc(length, unit, 'latin1'),
      Buffer.from(random.pick(['', 'x ', '\0\0', '\\1']), 'latin1'),
    ]);
    const vr =
      length > 65_000
        ? random.pick(['UT', 'UN', 'OB', 'UC', 'UR'])
        : random.pick(['DS', 'IS', 'LO', 'PN', 'UI', 'CS', 'DA', 'TM', 'DT', 'UT']);
    const tag = random.pick(TEXT_TAGS);
    put(tag >>> 16 === 2 ? tree.meta : tree.data, { tag, vr, value });
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
    const frames = random.pick([2000, 4096, 500_000]);
    put(tree.data, text(0x0028_0008, 'IS', String(frames)));
    put(tree.data, short(tree, 0x0028_0010, 1));
    put(tree.data, short(tree, 0x0028_0011, 1));
    put(tree.data, native(new Uint8Array(frames * 2)));
    return writeTree(tree);
  },
  function oneFragmentForEveryFrame(tree, random) {
    const frames = random.pick([1000, 4096, 50_000]);
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
    const frames = random.pick([1000, 4096, 20_000]);
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
    return largest(tree, random, 0);
  },
  async function largestDamaged(tree, random) {
    return largest(tree, random, random.between(1, 3));
  },
  function rlePauses(tree) {
    put(tree.meta, text(0x0002_0010, 'UI', '1.2.840.10008.1.2.5'));
    const head = Buffer.alloc(64);
    for (const [at, value] of [2, 64, 64].entries()) head.writeUInt32LE(value, at * 4);
    put(tree.data, encapsulated(Buffer.concat([head, Buffer.alloc(30 * MIB, 128)])));
    return writeTree(tree);
  },
  ...PICTURE_BOMBS,
];

const COMPRESSED: readonly (readonly [string, (plane: Plane) => Promise<Uint8Array>])[] = [
  ['1.2.840.10008.1.2.4.80', async (plane) => jpegLs(plane, 0)],
  ['1.2.840.10008.1.2.4.90', async (plane) => jpeg2000(plane, true)],
  ['1.2.840.10008.1.2.4.201', async (plane) => htj2k(plane, true)],
];

const frames = new Map<string, Uint8Array>();

/** 4096 x 4096 in some kB, well formed or changed in some places. */
async function largest(tree: Tree, random: Random, changes: number): Promise<Uint8Array> {
  const [uid, make] = random.pick(COMPRESSED);
  let frame = frames.get(uid) ?? (await make(planeOfZeros(4096)));
  frames.set(uid, frame);
  for (let left = changes; left > 0; left -= 1) frame = mutateFrame(frame, random).bytes;
  put(tree.meta, text(0x0002_0010, 'UI', uid));
  put(tree.data, short(tree, 0x0028_0010, 4096));
  put(tree.data, short(tree, 0x0028_0011, 4096));
  put(tree.data, encapsulated(frame.length % 2 === 0 ? frame : Buffer.concat([frame, new Uint8Array(1)])));
  return writeTree(tree);
}

function planeOfZeros(side: number): Plane {
  return { rows: side, columns: side, bits: 12, values: new Uint16Array(side * side) };
}

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
