import { PIXEL_DATA, put } from './dataset.ts';
import type { Fragment, Node, Tree } from './dataset.ts';
import { LENGTHS } from './hostile-values.ts';
import type { Random } from './random.ts';

/** Pixels that are not compressed, or the element around those that are. */
export function mutatePixelData(tree: Tree, node: Node, random: Random): void {
  random.pick(NATIVE)(node, tree, random);
}

/** The items of compressed pixels: their order, number, lengths and tables. What is in a frame is left alone. */
export function mutateFragments(tree: Tree, node: Node, random: Random): void {
  const fragments = node.fragments ?? [];
  if (fragments.length === 0) fragments.push({ bytes: new Uint8Array() });
  random.pick(ENCAPSULATED)(fragments, tree, random);
}

type Native = (node: Node, tree: Tree, random: Random) => void;
type Encapsulated = (fragments: Fragment[], tree: Tree, random: Random) => void;

const NATIVE: readonly Native[] = [
  function shorter(node, _, random) {
    node.value = node.value.subarray(0, random.below(node.value.length + 1));
  },
  function longer(node, _, random) {
    node.value = Buffer.concat([node.value, random.bytes(random.pick([1, 2, 3, 100]))]);
  },
  function encapsulated(node, _, random) {
    node.fragments = [
      { bytes: new Uint8Array() },
      { bytes: node.value.subarray(0, random.pick([0, 2, 100, node.value.length])) },
    ];
    node.undefinedLength = true;
  },
  function noLongerEncapsulated(node) {
    node.value = Buffer.concat((node.fragments ?? []).map(({ bytes }) => bytes));
    delete node.fragments;
    node.undefinedLength = false;
  },
  function empty(node) {
    node.value = new Uint8Array();
    delete node.fragments;
    node.undefinedLength = false;
  },
  function lies(node, _, random) {
    node.lie = random.pick(LENGTHS);
  },
  function otherVr(node, _, random) {
    node.vr = random.pick(['OB', 'OW', 'UN', 'OF', 'OD', 'SQ', 'US', 'UT']);
  },
  function twice(node, tree) {
    tree.data.push({ ...node });
  },
  function floatPixels(node, _, random) {
    node.tag = random.pick([0x7fe0_0008, 0x7fe0_0009]);
  },
  function insideASequence(node, tree) {
    tree.data = tree.data.filter((other) => other !== node);
    put(tree.data, {
      tag: 0x0088_0200,
      vr: 'SQ',
      value: new Uint8Array(),
      items: [{ nodes: [node] }],
      undefinedLength: true,
    });
  },
  function behindOthers(_node, tree, random) {
    tree.data.push({ tag: 0xfffc_fffc, vr: 'OB', value: random.bytes(random.between(0, 64)) });
  },
];

const ENCAPSULATED: readonly Encapsulated[] = [
  function lyingTable(fragments, _, random) {
    const count = random.pick([0, 1, 2, 3, 100, 5000]);
    const table = Buffer.alloc(count * 4 + random.pick([0, 0, 0, 1, 2, 3]));
    for (let at = 0; at < count; at += 1)
      table.writeUInt32LE(
        random.chance(0.5) ? at * random.pick([0, 1, 2, 8, 100]) : random.pick(LENGTHS),
        at * 4,
      );
    fragments[0] = { bytes: table };
  },
  function nudgedTable(fragments, _, random) {
    const table = Buffer.from(fragments[0]?.bytes ?? []);
    if (table.length < 4) return;
    const at = 4 * random.below(table.length >> 2);
    table.writeInt32LE((table.readInt32LE(at) + random.pick([-8, -4, -2, -1, 1, 2, 8])) | 0, at);
    fragments[0] = { bytes: table };
  },
  function extendedTable(_, tree, random) {
    const count = random.pick([0, 1, 2, 3, 4, 1000]);
    put(tree.data, { tag: 0x7fe0_0001, vr: 'OV', value: bigNumbers(count, random) });
    put(tree.data, {
      tag: 0x7fe0_0002,
      vr: 'OV',
      value: bigNumbers(random.chance(0.8) ? count : count + 1, random),
    });
  },
  function noTable(fragments) {
    fragments.shift();
  },
  function reordered(fragments, _, random) {
    const [taken] = fragments.splice(random.below(fragments.length), 1);
    if (taken !== undefined) fragments.splice(random.below(fragments.length + 1), 0, taken);
  },
  function cut(fragments, _, random) {
    const at = random.below(fragments.length);
    const bytes = fragments[at]?.bytes ?? new Uint8Array();
    fragments[at] = { bytes: bytes.subarray(0, random.below(bytes.length + 1)) };
  },
  function emptied(fragments, _, random) {
    fragments[random.below(fragments.length)] = { bytes: new Uint8Array() };
  },
  function emptyOnes(fragments, _, random) {
    const count = random.weighted([
      [4, 1],
      [2, 10],
      [1, 3000],
    ]);
    const none = Array.from({ length: count }, () => ({ bytes: new Uint8Array() }));
    fragments.splice(random.below(fragments.length + 1), 0, ...none);
  },
  function split(fragments, _, random) {
    const at = random.below(fragments.length);
    const bytes = fragments[at]?.bytes ?? new Uint8Array();
    const size = Math.max(1, random.pick([1, 2, 7, 64, 1000]), Math.ceil(bytes.length / 5000));
    const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, k) => ({
      bytes: bytes.subarray(k * size, (k + 1) * size),
    }));
    fragments.splice(at, 1, ...parts);
  },
  function repeated(fragments, _, random) {
    const fragment = random.pick(fragments);
    const times = fragment.bytes.length > 10_000 ? 1 : random.pick([1, 2, 50]);
    fragments.push(...Array.from({ length: times }, () => ({ ...fragment })));
  },
  function dropped(fragments, _, random) {
    fragments.splice(random.below(fragments.length), 1);
  },
  function allDropped(fragments, _, random) {
    fragments.length = random.chance(0.5) ? 0 : 1;
  },
  function lies(fragments, _, random) {
    random.pick(fragments).lie = random.pick(LENGTHS);
  },
  function delimiterInside(fragments, _, random) {
    const fragment = random.pick(fragments);
    const mark = Buffer.from(
      random.pick(['feffdde000000000', 'feff00e000000000', 'feff00e0ffffffff', 'feff0de000000000']),
      'hex',
    );
    const at = random.below(fragment.bytes.length + 1);
    fragment.bytes = Buffer.concat([fragment.bytes.subarray(0, at), mark, fragment.bytes.subarray(at)]);
  },
  function noEnd(_, tree) {
    const node = tree.data.find(({ tag }) => tag === PIXEL_DATA);
    if (node === undefined) return;
    // Written with an undefined length, without the delimiter that ends it.
    node.undefinedLength = false;
    node.lie = 0xffff_ffff;
  },
  function definiteLength(_, tree) {
    const node = tree.data.find(({ tag }) => tag === PIXEL_DATA);
    if (node !== undefined) node.undefinedLength = false;
  },
];

function bigNumbers(count: number, random: Random): Uint8Array {
  const out = Buffer.alloc(count * 8);
  for (let at = 0; at < count; at += 1)
    out.writeBigUInt64LE(random.chance(0.2) ? 2n ** 64n - 1n : BigInt(random.pick(LENGTHS)), at * 8);
  return out;
}
