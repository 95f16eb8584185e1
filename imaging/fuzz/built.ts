import { crc32, deflateSync } from 'node:zlib';
import { PIXEL_DATA, encodingOf, put, short, text } from './dataset.ts';
import type { Fragment, Item, Node, Tree } from './dataset.ts';
import { writeTree } from './dataset-write.ts';
import { htj2k, jpeg, jpeg2000, jpegLossless, jpegLs, rle, wordsOf } from './encode.ts';
import type { Plane } from './encode.ts';
import { randomOf } from './random.ts';

export type Built = { readonly name: string; readonly bytes: Uint8Array };

const UID = '1.2.840.10008.1.2';
const ROWS = 20;
const COLUMNS = 24;

/**
 * Small valid files of every transfer syntax that is decoded, several frames, offset tables, per-frame groups, colour
 * and a modality LUT: a mutation of 3 kB costs a hundredth of one of a whole slice, and meets the same code.
 */
export async function builtSeeds(): Promise<readonly Built[]> {
  const twelve = planeOf(12);
  const eight = planeOf(8);
  const colour = colours();
  const frames: readonly (readonly [string, string, Plane, Uint8Array])[] = [
    ['jpeg-baseline', `${UID}.4.50`, eight, await jpeg(eight, false)],
    ['jpeg-lossless-57', `${UID}.4.57`, twelve, jpegLossless(twelve, 4)],
    ['jpeg-lossless-70', `${UID}.4.70`, twelve, jpegLossless(twelve, 1)],
    ['jpegls', `${UID}.4.80`, twelve, await jpegLs(twelve, 0)],
    ['jpegls-near', `${UID}.4.81`, twelve, await jpegLs(twelve, 2)],
    ['j2k-lossless', `${UID}.4.90`, twelve, await jpeg2000(twelve, true)],
    ['j2k', `${UID}.4.91`, twelve, await jpeg2000(twelve, false)],
    ['htj2k-lossless', `${UID}.4.201`, twelve, await htj2k(twelve, true)],
    ['htj2k-rpcl', `${UID}.4.202`, twelve, await htj2k(twelve, true)],
    ['htj2k', `${UID}.4.203`, twelve, await htj2k(twelve, false)],
    ['rle', `${UID}.5`, twelve, rle(twelve)],
    ['rle-8', `${UID}.5`, eight, rle(eight)],
  ];
  return [
    ...frames.map(([name, uid, plane, frame]) =>
      built(name, slice(uid, plane, [fragment([]), fragment(frame)])),
    ),
    ...frames.map(([name, uid, plane, frame]) => built(`${name}-frames`, several(uid, plane, frame))),
    ...[UID, `${UID}.1`, `${UID}.2`, `${UID}.1.99`].map((uid) => built(`native-${uid}`, slice(uid, twelve))),
    built('native-frames', nativeFrames(twelve)),
    built('enhanced', enhanced(twelve)),
    built('rgb', rgb()),
    built('rgb-jpeg', rgb(`${UID}.4.50`, await jpeg(colour, false))),
    built('rgb-jpegls', rgb(`${UID}.4.80`, await jpegLs(colour, 0))),
    built('rgb-j2k', rgb(`${UID}.4.90`, await jpeg2000(colour, true))),
    built('rgb-htj2k', rgb(`${UID}.4.201`, await htj2k(colour, true))),
    built('modality-lut', modalityLut(twelve)),
    built('padding', padded(twelve)),
    ...pictures(eight),
  ];
}

function built(name: string, tree: Tree): Built {
  return { name: `built/${name}.dcm`, bytes: writeTree(tree) };
}

function planeOf(bits: number): Plane {
  const random = randomOf(4, bits);
  const values = Uint16Array.from({ length: ROWS * COLUMNS }, (_, at) => {
    const smooth = ((at % COLUMNS) + Math.floor(at / COLUMNS)) / (ROWS + COLUMNS);
    return Math.floor(smooth * (2 ** bits - 16)) + random.below(16);
  });
  return { rows: ROWS, columns: COLUMNS, bits, values };
}

function fragment(bytes: Uint8Array | readonly number[]): Fragment {
  const even = bytes.length % 2 === 0 ? bytes : [...bytes, 0];
  return { bytes: Uint8Array.from(even) };
}

function slice(uid: string, plane: Plane, fragments?: Fragment[]): Tree {
  const tree: Tree = {
    head: Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]),
    meta: [
      text(0x0002_0002, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
      text(0x0002_0003, 'UI', '2.25.1'),
      text(0x0002_0010, 'UI', uid),
    ],
    data: [],
    encoding: encodingOf(uid),
  };
  const wide = plane.bits > 8;
  tree.data.push(
    text(0x0008_0008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'),
    text(0x0008_0016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
    text(0x0008_0018, 'UI', '2.25.1'),
    text(0x0008_0020, 'DA', '20260101'),
    text(0x0008_0060, 'CS', 'CT'),
    text(0x0008_103e, 'LO', 'A description'),
    text(0x0010_0010, 'PN', 'Name^Of A Patient'),
    text(0x0010_0020, 'LO', 'Patient-0001'),
    text(0x0018_0015, 'CS', 'CHEST'),
    text(0x0018_0050, 'DS', '1.25'),
    text(0x0018_1210, 'SH', 'LUNG'),
    text(0x0020_000d, 'UI', '2.25.2'),
    text(0x0020_000e, 'UI', '2.25.3'),
    text(0x0020_0013, 'IS', '1'),
    text(0x0020_0032, 'DS', '-100\\-100\\50.5'),
    text(0x0020_0037, 'DS', '1\\0\\0\\0\\1\\0'),
    text(0x0020_0052, 'UI', '2.25.4'),
    short(tree, 0x0028_0002, 1),
    text(0x0028_0004, 'CS', 'MONOCHROME2'),
    short(tree, 0x0028_0010, plane.rows),
    short(tree, 0x0028_0011, plane.columns),
    text(0x0028_0030, 'DS', '0.7\\0.7'),
    short(tree, 0x0028_0100, wide ? 16 : 8),
    short(tree, 0x0028_0101, plane.bits),
    short(tree, 0x0028_0102, plane.bits - 1),
    short(tree, 0x0028_0103, 0),
    text(0x0028_1052, 'DS', '-1024'),
    text(0x0028_1053, 'DS', '1'),
    text(0x0028_1054, 'LO', 'HU'),
    pixelData(tree, plane, fragments),
  );
  return tree;
}

function pixelData(tree: Tree, plane: Plane, fragments?: Fragment[]): Node {
  if (fragments !== undefined) {
    return { tag: PIXEL_DATA, vr: 'OB', value: new Uint8Array(), fragments, undefinedLength: true };
  }
  const bytes = wordsOf(plane.values);
  if (tree.encoding.bigEndian) Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).swap16();
  return { tag: PIXEL_DATA, vr: 'OW', value: bytes };
}

/** Three frames, the second in two fragments where that is allowed (PS3.5 A.4.2: not for RLE), with an offset table. */
function several(uid: string, plane: Plane, frame: Uint8Array): Tree {
  const whole = fragment(frame);
  const half = (whole.bytes.length >> 2) << 1;
  const halves = [{ bytes: whole.bytes.slice(0, half) }, { bytes: whole.bytes.slice(half) }];
  const second = uid === `${UID}.5` ? [whole] : halves;
  const parts = [whole, ...second, whole];
  const first = whole.bytes.length + 8;
  const starts = [0, first, first + second.reduce((sum, { bytes }) => sum + bytes.length + 8, 0)];
  const table = Buffer.alloc(12);
  for (const [at, start] of starts.entries()) table.writeUInt32LE(start, at * 4);
  const tree = slice(uid, plane, [{ bytes: table }, ...parts]);
  put(tree.data, text(0x0028_0008, 'IS', '3'));
  return tree;
}

function nativeFrames(plane: Plane): Tree {
  const tree = slice(`${UID}.1`, plane);
  const words = wordsOf(plane.values);
  put(tree.data, { tag: PIXEL_DATA, vr: 'OW', value: Buffer.concat([words, words, words]) });
  put(tree.data, text(0x0028_0008, 'IS', '3'));
  return tree;
}

/** Enhanced CT: what is shared, and each frame's own place and rescale (PS3.3 A.38). */
function enhanced(plane: Plane): Tree {
  const tree = nativeFrames(plane);
  tree.data = tree.data.filter(
    ({ tag }) =>
      ![0x0020_0032, 0x0020_0037, 0x0028_0030, 0x0028_1052, 0x0028_1053, 0x0028_1054].includes(tag),
  );
  put(tree.data, text(0x0008_0016, 'UI', '1.2.840.10008.5.1.4.1.1.2.1'));
  const inside = (tag: number, ...nodes: Node[]): Node => sequence(tag, [{ nodes }]);
  const shared: Item = {
    nodes: [
      inside(0x0020_9116, text(0x0020_0037, 'DS', '1\\0\\0\\0\\1\\0')),
      inside(0x0028_9110, text(0x0018_0050, 'DS', '1'), text(0x0028_0030, 'DS', '0.7\\0.7')),
    ],
  };
  const frame = (at: number): Item => ({
    nodes: [
      inside(0x0020_9113, text(0x0020_0032, 'DS', `0\\0\\${at}`)),
      inside(
        0x0028_9145,
        text(0x0028_1052, 'DS', '-1024'),
        text(0x0028_1053, 'DS', '1'),
        text(0x0028_1054, 'LO', 'HU'),
      ),
    ],
  });
  put(tree.data, sequence(0x5200_9229, [shared]));
  put(tree.data, sequence(0x5200_9230, [frame(0), frame(1), frame(2)]));
  return tree;
}

function sequence(tag: number, items: Item[]): Node {
  return { tag, vr: 'SQ', value: new Uint8Array(), items, undefinedLength: true };
}

function colours(): Plane {
  const values = Uint16Array.from(randomOf(5, 5).bytes(ROWS * COLUMNS * 3));
  return { rows: ROWS, columns: COLUMNS, bits: 8, samples: 3, values };
}

function rgb(uid = `${UID}.1`, frame?: Uint8Array): Tree {
  const tree = slice(uid, planeOf(8), frame && [fragment([]), fragment(frame)]);
  put(tree.data, short(tree, 0x0028_0002, 3));
  put(tree.data, text(0x0028_0004, 'CS', 'RGB'));
  put(tree.data, short(tree, 0x0028_0006, 0));
  if (frame === undefined) {
    put(tree.data, { tag: PIXEL_DATA, vr: 'OB', value: Uint8Array.from(colours().values) });
  }
  return tree;
}

function modalityLut(plane: Plane): Tree {
  const tree = slice(`${UID}.1`, plane);
  tree.data = tree.data.filter(({ tag }) => tag < 0x0028_1052 || tag > 0x0028_1054);
  const entries = Uint16Array.from({ length: 4096 }, (_, at) => at);
  const item: Item = {
    nodes: [
      short(tree, 0x0028_3002, 4096, 0, 16),
      text(0x0028_3004, 'LO', 'HU'),
      { tag: 0x0028_3006, vr: 'US', value: wordsOf(entries) },
    ],
  };
  put(tree.data, sequence(0x0028_3000, [item]));
  return tree;
}

function padded(plane: Plane): Tree {
  const tree = slice(`${UID}.1`, plane);
  put(tree.data, short(tree, 0x0028_0120, 0));
  put(tree.data, short(tree, 0x0028_0121, 40));
  return tree;
}

function pictures({ values }: Plane): readonly Built[] {
  const kinds = [
    ['grey-8', 8, 0, 1],
    ['grey-16', 16, 0, 1],
    ['rgb-8', 8, 2, 3],
    ['grey-alpha', 8, 4, 2],
    ['palette', 8, 3, 1],
  ] as const;
  return kinds.map(([name, depth, colour, samples]) => {
    const width = 1 + (COLUMNS * samples * depth) / 8;
    const lines = Buffer.alloc(ROWS * width);
    for (let row = 0; row < ROWS; row += 1) {
      for (let at = 1; at < width; at += 1)
        lines[row * width + at] = values[(row * width + at) % values.length] ?? 0;
    }
    return { name: `built/${name}.png`, bytes: png(COLUMNS, ROWS, depth, colour, deflateSync(lines)) };
  });
}

export function png(
  columns: number,
  rows: number,
  depth: number,
  colour: number,
  idat: Uint8Array,
  extra: readonly Uint8Array[] = [],
): Uint8Array {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(columns >>> 0, 0);
  head.writeUInt32BE(rows >>> 0, 4);
  head[8] = depth;
  head[9] = colour;
  const palette =
    colour === 3
      ? [
          pngChunk(
            'PLTE',
            Uint8Array.from({ length: 768 }, (_, at) => at & 255),
          ),
        ]
      : [];
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', head),
    ...palette,
    ...extra,
    pngChunk('IDAT', idat),
    pngChunk('IEND', new Uint8Array()),
  ]);
}

export function pngChunk(type: string, body: Uint8Array): Uint8Array {
  const named = Buffer.concat([Buffer.from(type.padEnd(4).slice(0, 4), 'latin1'), body]);
  const out = Buffer.alloc(named.length + 8);
  out.writeUInt32BE(body.length, 0);
  named.copy(out, 4);
  out.writeUInt32BE(crc32(named), out.length - 4);
  return out;
}
