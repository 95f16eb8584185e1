import { PIXEL_DATA, UNDEFINED_LENGTH, cloneNode, put } from './dataset.ts';
import type { Node, Tree } from './dataset.ts';
import { LENGTHS, VRS } from './hostile-values.ts';
import type { Random } from './random.ts';

/** How often it is drawn, and what it does to a tree. */
export type TreeOperation = readonly [number, (tree: Tree, random: Random) => void];

/** Elements that are not where, how long or what they should be. */
export const STRUCTURE: readonly TreeOperation[] = [
  [6, lieInLength],
  [3, lieInItem],
  [5, changeVr],
  [2, undefinedLength],
  [3, changeTag],
  [3, dropElement],
  [1, dropManyElements],
  [3, repeatElement],
  [3, shuffle],
  [2, nest],
  [0.5, manyElements],
  [1, manyItems],
  [2, groupLength],
];

function lieInLength(tree: Tree, random: Random): void {
  const nodes = random.chance(0.15) ? tree.meta : random.pick(lists(tree.data));
  if (nodes.length === 0) return;
  const node = random.pick(nodes);
  node.lie = random.chance(0.5)
    ? random.pick(LENGTHS)
    : Math.max(0, node.value.length + random.pick([-4, -2, -1, 1, 2, 8, 100, 70_000]));
}

function lieInItem(tree: Tree, random: Random): void {
  const items = sequences(tree.data).flatMap((node) => node.items ?? []);
  if (items.length === 0) return;
  const item = random.pick(items);
  if (random.chance(0.5)) item.undefinedLength = item.undefinedLength !== true;
  else item.lie = random.pick(LENGTHS);
}

function changeVr(tree: Tree, random: Random): void {
  const nodes = random.chance(0.1) ? tree.meta : random.pick(lists(tree.data));
  if (nodes.length > 0) random.pick(nodes).vr = random.pick(VRS);
}

function undefinedLength(tree: Tree, random: Random): void {
  const nodes = random.pick(lists(tree.data));
  if (nodes.length > 0) random.pick(nodes).lie = UNDEFINED_LENGTH;
}

function changeTag(tree: Tree, random: Random): void {
  const nodes = random.pick(lists(tree.data));
  if (nodes.length === 0) return;
  const node = random.pick(nodes);
  node.tag = random.weighted([
    [3, (node.tag + random.pick([-1, 1, 0x1_0000, -0x1_0000])) >>> 0],
    [
      2,
      random.pick([
        0,
        0x0000_0002,
        0x0002_0010,
        0x0004_1220,
        0x0009_0010,
        0x0028_0010,
        0x5200_9230,
        0x7fe0_0001,
        PIXEL_DATA,
        0xfffc_fffc,
      ]),
    ],
    [1, random.pick([0xfffe_e000, 0xfffe_e00d, 0xfffe_e0dd, 0xffff_ffff])],
    [1, random.word()],
  ]);
}

function dropElement(tree: Tree, random: Random): void {
  const nodes = random.chance(0.1) ? tree.meta : random.pick(lists(tree.data));
  if (nodes.length > 0) nodes.splice(random.below(nodes.length), 1);
}

function dropManyElements(tree: Tree, random: Random): void {
  tree.data = tree.data.filter(({ tag }) => tag === PIXEL_DATA || random.chance(0.6));
}

function repeatElement(tree: Tree, random: Random): void {
  const nodes = random.chance(0.1) ? tree.meta : random.pick(lists(tree.data));
  if (nodes.length === 0) return;
  const node = random.pick(nodes);
  const times =
    node.value.length > 1000
      ? 1
      : random.weighted([
          [8, 1],
          [1, 100],
        ]);
  const copies = Array.from({ length: times }, () => cloneNode(node));
  nodes.splice(random.below(nodes.length + 1), 0, ...copies);
}

function shuffle(tree: Tree, random: Random): void {
  const nodes = random.pick(lists(tree.data));
  for (let left = random.pick([1, 1, 3, nodes.length]); left > 0 && nodes.length > 0; left -= 1) {
    const [node] = nodes.splice(random.below(nodes.length), 1);
    if (node !== undefined) nodes.splice(random.below(nodes.length + 1), 0, node);
  }
}

/** Wraps elements, sometimes the pixels, in sequences. A hundred thousand levels are among the bombs. */
function nest(tree: Tree, random: Random): void {
  const depth = random.weighted([
    [4, random.between(1, 10)],
    [2, random.between(11, 100)],
    [1, random.between(100, 300)],
  ]);
  const at = random.below(Math.max(1, tree.data.length));
  let inner = tree.data.splice(at, random.between(0, 2));
  const undefinedLengths = random.chance(0.6);
  // Written from the inside out, each level copies the ones below; so many are of undefined length and flat.
  const levels = undefinedLengths ? depth : Math.min(depth, 200);
  for (let level = 0; level < levels; level += 1) {
    inner = [
      {
        tag: 0x0008_1140,
        vr: 'SQ',
        value: new Uint8Array(),
        items: [{ nodes: inner, undefinedLength: undefinedLengths }],
        undefinedLength: undefinedLengths,
      },
    ];
  }
  tree.data.splice(at, 0, ...inner);
}

function manyElements(tree: Tree, random: Random): void {
  const count = random.weighted([
    [3, 100],
    [2, 1000],
    [1, 12_000],
  ]);
  const group = random.pick([0x0009, 0x0010, 0x0029, 0x5400]);
  const made = Array.from({ length: count }, (_, at): Node => ({
    tag: ((group << 16) | (0x1000 + at)) >>> 0,
    vr: random.pick(['LO', 'UN', 'OB']),
    value: new Uint8Array(),
  }));
  const before = tree.data.findIndex(({ tag }) => tag >>> 16 > group);
  tree.data.splice(before === -1 ? tree.data.length : before, 0, ...made);
}

function manyItems(tree: Tree, random: Random): void {
  const sequence = sequences(tree.data);
  const node = sequence.length > 0 ? random.pick(sequence) : undefined;
  const item = node?.items?.[0];
  if (node?.items === undefined || item === undefined) return;
  const copies = Array.from({ length: random.pick([2, 100, 3000]) }, () => ({
    ...item,
    nodes: item.nodes.slice(0, 20).map(cloneNode),
  }));
  node.items = random.chance(0.3) ? [] : copies;
}

function groupLength(tree: Tree, random: Random): void {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(random.pick(LENGTHS), 0);
  if (random.chance(0.5)) put(tree.meta, { tag: 0x0002_0000, vr: 'UL', value });
  else
    put(tree.data, {
      tag: random.pick([0x0008_0000, 0x0010_0000, 0x0028_0000, 0x7fe0_0000]),
      vr: 'UL',
      value,
    });
}

// Deeper than this nothing is changed; a file may nest much deeper.
const DEPTH_MAX = 40;

/** The lists of elements: the data set's own, and those of its items. */
export function lists(nodes: Node[], depth = 0): Node[][] {
  if (depth > DEPTH_MAX) return [];
  return [
    nodes,
    ...nodes.flatMap((node) => (node.items ?? []).flatMap((item) => lists(item.nodes, depth + 1))),
  ];
}

function sequences(nodes: Node[]): Node[] {
  return lists(nodes).flatMap((list) => list.filter((node) => node.items !== undefined));
}
