import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { png, pngChunk } from './built.ts';
import type { Tree } from './dataset.ts';
import type { Random } from './random.ts';

type PictureBomb = (tree: Tree, random: Random) => Uint8Array | Promise<Uint8Array>;

const MIB = 1024 * 1024;

/** Pictures of some kB that unfold to hundreds of MB, or that are read over and over. */
export const PICTURE_BOMBS: readonly PictureBomb[] = [
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
  function jpegOfManyScans(_, random) {
    return progressive(random.pick([1024, 4096]), random.pick([50, 99, 400, 2646]));
  },
  async function jpegOfOneScanOverAndOver(_, random) {
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

/**
 * A blank progressive JPEG of as many scans as are asked for, all of them legal (T.81 annex G): each coefficient by
 * itself, first its highest bit and then the lower ones. A scan of a quarter of a million blocks takes 30 bytes, and
 * the decoder a walk over all of them.
 */
export function progressive(side: number, scans: number): Uint8Array {
  const blocks = (side / 8) ** 2;
  const size = Buffer.alloc(4);
  size.writeUInt16BE(side, 0);
  size.writeUInt16BE(side, 2);
  const out: Uint8Array[] = [
    Uint8Array.of(0xff, 0xd8, 0xff, 0xdb, 0, 67, 0, ...Array.from({ length: 64 }, () => 1)),
    Uint8Array.of(0xff, 0xc2, 0, 17, 8, ...size, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0),
    huffman(0x00, [0, 1]),
    huffman(0x10, [0xe0, 0x00]),
    ...COMPONENTS.map((component) => scan(component, 0, 0, 0, new Uint8Array(Math.ceil(blocks / 8)))),
  ];
  for (let left = scans - COMPONENTS.length; left > 0; left -= 1) {
    const at = scans - COMPONENTS.length - left;
    const bit = 13 - Math.floor(at / (63 * COMPONENTS.length));
    const coefficient = 1 + (Math.floor(at / COMPONENTS.length) % 63);
    const high = bit === 13 ? 0 : bit + 1;
    out.push(scan(COMPONENTS[at % COMPONENTS.length] ?? 1, coefficient, high, bit, endOfBand(blocks)));
  }
  return Buffer.concat([...out, Uint8Array.of(0xff, 0xd9)]);
}

const COMPONENTS = [1, 2, 3] as const;

/** Two symbols: the codes 0 and 10. */
function huffman(id: number, symbols: readonly [number, number]): Uint8Array {
  return Uint8Array.of(0xff, 0xc4, 0, 21, id, 1, 1, ...Array.from({ length: 14 }, () => 0), ...symbols);
}

function scan(
  component: number,
  coefficient: number,
  high: number,
  low: number,
  coded: Uint8Array,
): Uint8Array {
  const head = Uint8Array.of(0xff, 0xda, 0, 8, 1, component, 0, coefficient, coefficient, (high << 4) | low);
  return Buffer.concat([head, coded]);
}

/** EOB14, its code 0 and 14 bits of 0, ends 16384 blocks (G.1.2.2). */
function endOfBand(blocks: number): Uint8Array {
  return new Uint8Array(Math.ceil((Math.ceil(blocks / 16_384) * 15) / 8));
}
