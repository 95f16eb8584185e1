import { bomb } from './bombs.ts';
import type { Corpus, Seed } from './corpus.ts';
import { PIXEL_DATA, cloneTree, find, put, short } from './dataset.ts';
import type { Tree } from './dataset.ts';
import { writeTree } from './dataset-write.ts';
import { mutateBytes } from './mutate-bytes.ts';
import { mutateDataset } from './mutate-dataset.ts';
import { mutateFrame } from './mutate-frame.ts';
import { mutatePicture } from './mutate-picture.ts';
import { randomOf } from './random.ts';
import type { Random } from './random.ts';

/** One file to try. The same corpus, seed and index always make the same bytes. */
export type Case = {
  readonly index: number;
  /** The file it was made of. */
  readonly from: string;
  /** What was done to it, in order. */
  readonly what: readonly string[];
  readonly bytes: Uint8Array;
  /** What it was before. */
  readonly original: Uint8Array;
  /** 0 to 1: which of the costlier calls are made, and under which contract. */
  readonly draw: number;
};

// A bomb takes as long as some hundred other cases.
const BOMBS = 0.002;
const UNCHANGED = 0.005;

export async function makeCase(corpus: Corpus, seed: number, index: number): Promise<Case> {
  const random = randomOf(seed, index);
  const draw = random.word() / 2 ** 32;
  const from = random.weighted(corpus.seeds.map((one) => [one.weight, one]));
  const made = await make(corpus, from, random);
  return { index, from: from.name, ...made, original: from.bytes, draw };
}

type Made = { readonly what: readonly string[]; readonly bytes: Uint8Array };

async function make(corpus: Corpus, from: Seed, random: Random): Promise<Made> {
  if (random.chance(BOMBS)) {
    const trees = corpus.seeds.flatMap(({ tree, bytes }) =>
      tree !== undefined && bytes.length < 12_000 ? [tree] : [],
    );
    if (trees.length > 0) {
      const { what, bytes } = await bomb(random.pick(trees), random);
      return { what: [what], bytes };
    }
  }
  if (random.chance(UNCHANGED)) return { what: ['unchanged'], bytes: from.bytes };
  const first = structured(from, random);
  const rounds =
    first === undefined
      ? random.weighted([
          [6, 1],
          [3, 2],
          [1, 4],
        ])
      : random.weighted([
          [9, 0],
          [1, 1],
        ]);
  const what = [...(first?.what ?? [])];
  let bytes = first?.bytes ?? from.bytes;
  for (let left = rounds; left > 0; left -= 1) {
    const next = mutateBytes(bytes, random, () => random.pick(corpus.seeds).bytes);
    what.push(next.what);
    bytes = next.bytes;
  }
  return { what, bytes };
}

/** A change by somebody who knows the format, two times in three where there is one. */
function structured(from: Seed, random: Random): Made | undefined {
  if (random.chance(0.33)) return undefined;
  if (from.kind === 'png' || from.kind === 'jpeg') {
    const { what, bytes } = mutatePicture(from.bytes, from.kind, random);
    return { what: [what], bytes };
  }
  if (from.tree === undefined) return undefined;
  const frames = find(from.tree, PIXEL_DATA)?.fragments;
  if (frames !== undefined && random.chance(0.5)) return frameChanged(from.tree, random);
  const { tree, what } = mutateDataset(from.tree, random);
  return { what, bytes: writeTree(tree) };
}

function frameChanged(original: Tree, random: Random): Made {
  const tree = cloneTree(original);
  const fragments = find(tree, PIXEL_DATA)?.fragments ?? [];
  const fragment = fragments[random.between(Math.min(1, fragments.length - 1), fragments.length - 1)];
  if (fragment === undefined) return { what: ['nothing'], bytes: writeTree(tree) };
  const { bytes, what } = mutateFrame(fragment.bytes, random);
  fragment.bytes = bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, new Uint8Array(1)]);
  const agreed = random.chance(0.4) && agree(tree, bytes);
  return { what: agreed ? [what, 'headerAgrees'] : [what], bytes: writeTree(tree) };
}

/** Rows and columns as the frame has them now: a lie that the header shares reaches the decoder. */
function agree(tree: Tree, frame: Uint8Array): boolean {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  const siz = bytes.indexOf(Buffer.from([0xff, 0x51]));
  const sof = [0xc0, 0xc1, 0xc3, 0xf7]
    .map((marker) => bytes.indexOf(Buffer.from([0xff, marker])))
    .find((at) => at !== -1);
  if (siz !== -1 && siz + 22 <= bytes.length) {
    put(tree.data, short(tree, 0x0028_0011, bytes.readUInt32BE(siz + 6) - bytes.readUInt32BE(siz + 14)));
    put(tree.data, short(tree, 0x0028_0010, bytes.readUInt32BE(siz + 10) - bytes.readUInt32BE(siz + 18)));
    return true;
  }
  if (sof === undefined || sof + 9 > bytes.length) return false;
  put(tree.data, short(tree, 0x0028_0010, bytes.readUInt16BE(sof + 5)));
  put(tree.data, short(tree, 0x0028_0011, bytes.readUInt16BE(sof + 7)));
  return true;
}
