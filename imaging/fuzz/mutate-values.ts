import { TRANSFER_SYNTAX, encodingOf, put, short, text } from './dataset.ts';
import type { Node, Tree } from './dataset.ts';
import { NUMBERS, SYNTAXES, TEXTS, WORDS } from './hostile-values.ts';
import { lists } from './mutate-structure.ts';
import type { TreeOperation } from './mutate-structure.ts';
import type { Random } from './random.ts';

/** Elements whose values are not what they should be. */
export const VALUES: readonly TreeOperation[] = [
  [8, layoutWord],
  [3, sizeTogether],
  [3, bitsTogether],
  [6, oddNumberText],
  [5, oddText],
  [6, swapSyntax],
  [1, lossy],
  [2, modalityLut],
  [3, frameCount],
  [2, padding],
  [4, oddValue],
];

// What the layout of the pixels depends on (PS3.3 C.7.6.3), with the offset tables' lengths left out.
const LAYOUT_WORDS = [
  0x0028_0002, 0x0028_0006, 0x0028_0010, 0x0028_0011, 0x0028_0100, 0x0028_0101, 0x0028_0102, 0x0028_0103,
  0x0028_0120, 0x0028_0121,
];
const NUMBER_TEXTS: readonly (readonly [number, string])[] = [
  [0x0028_0008, 'IS'],
  [0x0028_1052, 'DS'],
  [0x0028_1053, 'DS'],
  [0x0028_1050, 'DS'],
  [0x0028_0030, 'DS'],
  [0x0028_2112, 'DS'],
  [0x0018_0050, 'DS'],
  [0x0018_1120, 'DS'],
  [0x0020_0013, 'IS'],
  [0x0020_0032, 'DS'],
  [0x0020_0037, 'DS'],
  [0x0054_0081, 'US'],
];
const OTHER_TEXTS: readonly (readonly [number, string])[] = [
  [0x0008_0005, 'CS'],
  [0x0008_0008, 'CS'],
  [0x0008_0016, 'UI'],
  [0x0008_0060, 'CS'],
  [0x0018_0015, 'CS'],
  [0x0018_1210, 'SH'],
  [0x0020_000d, 'UI'],
  [0x0020_000e, 'UI'],
  [0x0028_0004, 'CS'],
  [0x0028_1054, 'LO'],
  [0x0028_2110, 'CS'],
  [0x0028_2114, 'CS'],
];

function layoutWord(tree: Tree, random: Random): void {
  const count = random.chance(0.05) ? random.pick([0, 2, 100, 30_000]) : 1;
  put(
    tree.data,
    short(tree, random.pick(LAYOUT_WORDS), ...Array.from({ length: count }, () => random.pick(WORDS))),
  );
}

/** Rows and columns that belong together, so that the first check passes and the second is met. */
function sizeTogether(tree: Tree, random: Random): void {
  const rows = random.pick([1, 16, 20, 64, 480, 512, 513, 1024, 4096]);
  put(tree.data, short(tree, 0x0028_0010, rows));
  put(tree.data, short(tree, 0x0028_0011, random.chance(0.7) ? rows : random.pick(WORDS)));
}

function bitsTogether(tree: Tree, random: Random): void {
  const allocated = random.pick([1, 8, 12, 16, 24, 32, 64]);
  put(tree.data, short(tree, 0x0028_0100, allocated));
  put(tree.data, short(tree, 0x0028_0101, random.pick([1, allocated - 1, allocated, allocated >> 1])));
  put(
    tree.data,
    short(tree, 0x0028_0102, random.pick([0, allocated - 1, allocated, (allocated >> 1) - 1]) & 0xffff),
  );
}

const VALUE_COUNTS: Readonly<Record<number, number>> = {
  0x0028_0030: 2,
  0x0020_0032: 3,
  0x0020_0037: 6,
};

function oddNumberText(tree: Tree, random: Random): void {
  const [tag, vr] = random.pick(NUMBER_TEXTS);
  const count = random.chance(0.6) ? (VALUE_COUNTS[tag] ?? 1) : random.pick([1, 2, 3, 6, 200]);
  // Most of them sane, so that the one that is not is met.
  const sane = random.chance(0.5);
  const values = Array.from({ length: count }, () =>
    sane && random.chance(0.7) ? random.pick(['0', '1', '-1', '0.5', '2']) : random.pick(NUMBERS),
  );
  placeSomewhere(tree, text(tag, vr, values.join('\\').slice(0, 65_534)), random);
}

function oddText(tree: Tree, random: Random): void {
  const [tag, vr] = random.pick(OTHER_TEXTS);
  placeSomewhere(tree, text(tag, vr, random.pick(TEXTS)), random);
}

/** In its own place mostly; else where the same tag stands inside a sequence, or in the meta group. */
function placeSomewhere(tree: Tree, node: Node, random: Random): void {
  const inside = lists(tree.data).filter(
    (nodes) => nodes !== tree.data && nodes.some(({ tag }) => tag === node.tag),
  );
  put(inside.length > 0 && random.chance(0.5) ? random.pick(inside) : tree.data, node);
}

function swapSyntax(tree: Tree, random: Random): void {
  const uid = random.pick(SYNTAXES);
  put(tree.meta, text(TRANSFER_SYNTAX, 'UI', random.chance(0.05) ? random.pick(TEXTS) : uid));
  // Named only, or written so as well: the second reaches the decoder with a body of another kind.
  if (random.chance(0.7)) tree.encoding = encodingOf(uid);
}

function lossy(tree: Tree, random: Random): void {
  put(tree.data, text(0x0028_2110, 'CS', '01'));
  put(tree.data, text(0x0028_2112, 'DS', random.pick(NUMBERS)));
}

function modalityLut(tree: Tree, random: Random): void {
  const entries = random.pick([0, 1, 16, 256, 4096, 65_535]);
  const item = {
    nodes: [
      short(
        tree,
        0x0028_3002,
        random.chance(0.5) ? entries : random.pick(WORDS),
        random.pick(WORDS),
        random.pick([8, 16, 0, 1, 17, 32]),
      ),
      text(0x0028_3004, 'LO', random.pick(['HU', 'US', 'OD', ''])),
      {
        tag: 0x0028_3006,
        vr: random.pick(['US', 'OW', 'SS', 'UN']),
        value: random.bytes(Math.min(2 * entries, 20_000)),
      },
    ],
  };
  put(tree.data, {
    tag: 0x0028_3000,
    vr: 'SQ',
    value: new Uint8Array(),
    items: random.chance(0.1) ? [item, item] : [item],
    undefinedLength: random.chance(0.5),
  });
}

function frameCount(tree: Tree, random: Random): void {
  put(
    tree.data,
    text(
      0x0028_0008,
      'IS',
      random.pick(['0', '1', '2', '3', '4', '100', '65535', '1000000', '2147483647', ...NUMBERS]),
    ),
  );
}

function padding(tree: Tree, random: Random): void {
  put(tree.data, {
    ...short(tree, 0x0028_0120, ...(random.chance(0.1) ? [] : [random.pick(WORDS)])),
    vr: random.pick(['US', 'SS', 'UN', 'OW']),
  });
}

function oddValue(tree: Tree, random: Random): void {
  const nodes = random.chance(0.1) ? tree.meta : random.pick(lists(tree.data));
  if (nodes.length === 0) return;
  const node = random.pick(nodes);
  if (node.items !== undefined || node.fragments !== undefined) return;
  node.value = random.weighted([
    [2, new Uint8Array()],
    [2, random.bytes(random.between(1, 40))],
    [2, node.value.subarray(0, random.below(node.value.length + 1))],
    [1, Buffer.from(random.pick(NUMBERS), 'utf8')],
    [1, Buffer.concat([node.value.subarray(0, 1000), random.bytes(1)])],
    [0.3, new Uint8Array(70_000).fill(0x41)],
  ]);
}
