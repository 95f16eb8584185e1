import { inflateRawSync } from 'node:zlib';
import { hasLongLength, PIXEL_DATA, UNDEFINED_LENGTH, encodingOf, uidOf } from './dataset.ts';
import type { Encoding, Fragment, Item, Node, Tree } from './dataset.ts';

const META_START = 132;
const DEPTH_MAX = 32;
const ITEM = 0xfffe_e000;
const ITEM_END = 0xfffe_e00d;
const SEQUENCE_END = 0xfffe_e0dd;
// Implicit VR names no types; these are the ones that a mutation wants to know.
const IMPLICIT_VRS: Readonly<Record<number, string>> = {
  0x7fe0_0010: 'OW',
  0x0010_0010: 'PN',
  0x0010_0020: 'LO',
};

/** The tree of a well-formed file, or undefined: the fuzzer then only knows it as bytes. */
export function readTree(bytes: Uint8Array): Tree | undefined {
  try {
    return read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return undefined;
  }
}

function read(bytes: Buffer): Tree | undefined {
  if (bytes.toString('latin1', 128, 132) !== 'DICM') return undefined;
  const plain = { explicit: true, bigEndian: false, deflated: false };
  const meta = new Reader(bytes, META_START, plain);
  const nodes: Node[] = [];
  while (meta.at < bytes.length && bytes.readUInt16LE(meta.at) === 2) nodes.push(meta.node(0));
  const tree: Tree = { head: bytes.subarray(0, META_START), meta: nodes, data: [], encoding: plain };
  tree.encoding = encodingOf(uidOf(tree));
  const body = tree.encoding.deflated ? inflateRawSync(bytes.subarray(meta.at)) : bytes.subarray(meta.at);
  const data = new Reader(body, 0, tree.encoding);
  while (data.at < body.length) tree.data.push(data.node(0));
  return tree;
}

class Reader {
  at: number;
  readonly bytes: Buffer;
  readonly encoding: Encoding;

  constructor(bytes: Buffer, at: number, encoding: Encoding) {
    this.bytes = bytes;
    this.at = at;
    this.encoding = encoding;
  }

  node(depth: number): Node {
    if (depth > DEPTH_MAX) throw new RangeError('too deep');
    const tag = this.tag();
    const { vr, length } = this.vrAndLength(tag);
    if (vr === 'SQ') return this.sequence(tag, length, depth);
    if (length === UNDEFINED_LENGTH) {
      return tag === PIXEL_DATA
        ? { tag, vr, value: new Uint8Array(), fragments: this.fragments(), undefinedLength: true }
        : this.sequence(tag, length, depth);
    }
    return { tag, vr, value: this.take(length) };
  }

  private sequence(tag: number, length: number, depth: number): Node {
    const undefinedLength = length === UNDEFINED_LENGTH;
    const end = undefinedLength ? Infinity : this.at + length;
    const items: Item[] = [];
    while (this.at < end) {
      const mark = this.tag();
      const size = this.long();
      if (mark === SEQUENCE_END) break;
      if (mark !== ITEM) throw new RangeError('no item');
      items.push(this.item(size, depth));
    }
    return { tag, vr: 'SQ', value: new Uint8Array(), items, undefinedLength };
  }

  private item(size: number, depth: number): Item {
    const undefinedLength = size === UNDEFINED_LENGTH;
    const end = undefinedLength ? Infinity : this.at + size;
    const nodes: Node[] = [];
    while (this.at < end) {
      if (undefinedLength && this.peekTag() === ITEM_END) {
        this.at += 8;
        break;
      }
      nodes.push(this.node(depth + 1));
    }
    return { nodes, undefinedLength };
  }

  private fragments(): Fragment[] {
    const fragments: Fragment[] = [];
    for (;;) {
      const mark = this.tag();
      const size = this.long();
      if (mark === SEQUENCE_END) return fragments;
      if (mark !== ITEM) throw new RangeError('no item');
      fragments.push({ bytes: this.take(size) });
    }
  }

  private vrAndLength(tag: number): { vr: string; length: number } {
    if (!this.encoding.explicit) {
      const length = this.long();
      const vr =
        IMPLICIT_VRS[tag] ?? (length === UNDEFINED_LENGTH ? 'SQ' : this.isSequence(length) ? 'SQ' : 'UN');
      return { vr, length };
    }
    const vr = this.bytes.toString('latin1', this.at, this.at + 2);
    if (!/^[A-Z]{2}$/.test(vr)) throw new RangeError('no VR');
    this.at += 2;
    if (!hasLongLength(vr)) return { vr, length: this.word() };
    this.at += 2;
    return { vr, length: this.long() };
  }

  private isSequence(length: number): boolean {
    return length >= 8 && this.at + 8 <= this.bytes.length && this.peekTag() === ITEM;
  }

  private take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw new RangeError('cut');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  private peekTag(): number {
    const tag = this.tag();
    this.at -= 4;
    return tag;
  }

  private tag(): number {
    return ((this.word() << 16) | this.word()) >>> 0;
  }

  private word(): number {
    this.at += 2;
    return this.encoding.bigEndian
      ? this.bytes.readUInt16BE(this.at - 2)
      : this.bytes.readUInt16LE(this.at - 2);
  }

  private long(): number {
    this.at += 4;
    return this.encoding.bigEndian
      ? this.bytes.readUInt32BE(this.at - 4)
      : this.bytes.readUInt32LE(this.at - 4);
  }
}
