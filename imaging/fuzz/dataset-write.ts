import { deflateRawSync } from 'node:zlib';
import { hasLongLength, UNDEFINED_LENGTH } from './dataset.ts';
import type { Encoding, Item, Node, Tree } from './dataset.ts';

const ITEM = 0xfffe_e000;
const ITEM_END = 0xfffe_e00d;
const SEQUENCE_END = 0xfffe_e0dd;
const META = { explicit: true, bigEndian: false, deflated: false };

/** The bytes of a tree, lies and all. Group lengths are written as the nodes have them. */
export function writeTree(tree: Tree): Uint8Array {
  const meta: Uint8Array[] = [tree.head];
  for (const node of tree.meta) writeNode(node, META, meta);
  const data: Uint8Array[] = [];
  for (const node of tree.data) writeNode(node, tree.encoding, data);
  const body = Buffer.concat(data);
  return Buffer.concat([...meta, tree.encoding.deflated ? deflateRawSync(body, { level: 1 }) : body]);
}

/** The bytes of some elements, without a file around them. */
function writeNodes(nodes: readonly Node[], encoding: Encoding): Buffer {
  const out: Uint8Array[] = [];
  for (const node of nodes) writeNode(node, encoding, out);
  return Buffer.concat(out);
}

function writeNode(node: Node, encoding: Encoding, out: Uint8Array[]): void {
  const value: Uint8Array[] = [];
  if (node.fragments !== undefined) {
    for (const { bytes, lie } of node.fragments) value.push(mark(ITEM, lie ?? bytes.length, encoding), bytes);
    if (node.undefinedLength === true) value.push(mark(SEQUENCE_END, 0, encoding));
  } else if (node.items === undefined) value.push(node.value);
  else {
    for (const item of node.items) writeItem(item, encoding, value);
    if (node.undefinedLength === true) value.push(mark(SEQUENCE_END, 0, encoding));
  }
  const size = value.reduce((sum, part) => sum + part.length, 0);
  out.push(elementHead(node, size, encoding), ...value);
}

function writeItem(item: Item, encoding: Encoding, out: Uint8Array[]): void {
  const value = writeNodes(item.nodes, encoding);
  const undefinedLength = item.undefinedLength === true;
  out.push(mark(ITEM, item.lie ?? (undefinedLength ? UNDEFINED_LENGTH : value.length), encoding), value);
  if (undefinedLength) out.push(mark(ITEM_END, 0, encoding));
}

function elementHead(node: Node, size: number, encoding: Encoding): Buffer {
  const length = node.lie ?? (node.undefinedLength === true ? UNDEFINED_LENGTH : size);
  if (!encoding.explicit) return mark(node.tag, length, encoding);
  const long = hasLongLength(node.vr);
  const head = Buffer.alloc(long ? 12 : 8);
  writeTag(head, node.tag, encoding);
  head.write(node.vr.padEnd(2).slice(0, 2), 4, 'latin1');
  if (long) writeLong(head, length, 8, encoding);
  else if (encoding.bigEndian) head.writeUInt16BE(length & 0xffff, 6);
  else head.writeUInt16LE(length & 0xffff, 6);
  return head;
}

/** A tag and a 32-bit length: an item, a delimiter, or an element without a VR. */
function mark(tag: number, length: number, encoding: Encoding): Buffer {
  const head = Buffer.alloc(8);
  writeTag(head, tag, encoding);
  writeLong(head, length, 4, encoding);
  return head;
}

function writeTag(head: Buffer, tag: number, { bigEndian }: Encoding): void {
  if (bigEndian) {
    head.writeUInt16BE(tag >>> 16, 0);
    head.writeUInt16BE(tag & 0xffff, 2);
  } else {
    head.writeUInt16LE(tag >>> 16, 0);
    head.writeUInt16LE(tag & 0xffff, 2);
  }
}

function writeLong(head: Buffer, value: number, at: number, { bigEndian }: Encoding): void {
  if (bigEndian) head.writeUInt32BE(value >>> 0, at);
  else head.writeUInt32LE(value >>> 0, at);
}
