/** A Part 10 file as a tree that may lie: the writer puts down whatever lengths and VRs the nodes ask for. */
export type Node = {
  tag: number;
  vr: string;
  value: Uint8Array;
  items?: Item[];
  fragments?: Fragment[];
  undefinedLength?: boolean;
  /** Written in place of the true length. */
  lie?: number;
};
export type Item = { nodes: Node[]; undefinedLength?: boolean; lie?: number };
export type Fragment = { bytes: Uint8Array; lie?: number };
export type Encoding = { explicit: boolean; bigEndian: boolean; deflated: boolean };
export type Tree = { head: Uint8Array; meta: Node[]; data: Node[]; encoding: Encoding };

export const UNDEFINED_LENGTH = 0xff_ff_ff_ff;
export const PIXEL_DATA = 0x7fe0_0010;
export const TRANSFER_SYNTAX = 0x0002_0010;
// PS3.5 7.1.2: these have a 16-bit length; every other VR, one that is not yet known included, has 32 bits.
const SHORT_VRS = new Set('AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US'.split(' '));
const IMPLICIT = '1.2.840.10008.1.2';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const DEFLATED = '1.2.840.10008.1.2.1.99';

export function hasLongLength(vr: string): boolean {
  return !SHORT_VRS.has(vr);
}

export function encodingOf(uid: string): Encoding {
  return { explicit: uid !== IMPLICIT, bigEndian: uid === BIG_ENDIAN, deflated: uid === DEFLATED };
}

/** A copy whose nodes may be changed; the values are shared, and only ever replaced. */
export function cloneTree(tree: Tree): Tree {
  return { ...tree, meta: tree.meta.map(cloneNode), data: tree.data.map(cloneNode) };
}

export function cloneNode(node: Node): Node {
  return {
    ...node,
    ...(node.items && {
      items: node.items.map((item) => ({ ...item, nodes: item.nodes.map(cloneNode) })),
    }),
    ...(node.fragments && { fragments: node.fragments.map((fragment) => ({ ...fragment })) }),
  };
}

export function uidOf(tree: Tree): string {
  const value = tree.meta.find((node) => node.tag === TRANSFER_SYNTAX)?.value ?? new Uint8Array();
  return Buffer.from(value)
    .toString('latin1')
    .replace(/[\0 ]+$/, '');
}

export function find(tree: Tree, tag: number): Node | undefined {
  return tree.data.find((node) => node.tag === tag);
}

/** Puts an element where its tag belongs, in place of one that is there. */
export function put(nodes: Node[], node: Node): void {
  const at = nodes.findIndex((other) => other.tag >= node.tag);
  if (at === -1) nodes.push(node);
  else nodes.splice(at, nodes[at]?.tag === node.tag ? 1 : 0, node);
}

export function text(tag: number, vr: string, value: string): Node {
  const padded = value.length % 2 === 0 ? value : `${value}${vr === 'UI' ? '\0' : ' '}`;
  return { tag, vr, value: Buffer.from(padded, 'latin1') };
}

/** US in the byte order of the tree. */
export function short(tree: Tree, tag: number, ...values: readonly number[]): Node {
  const value = Buffer.alloc(values.length * 2);
  for (const [at, word] of values.entries()) {
    if (tree.encoding.bigEndian) value.writeUInt16BE(word & 0xffff, at * 2);
    else value.writeUInt16LE(word & 0xffff, at * 2);
  }
  return { tag, vr: 'US', value };
}
