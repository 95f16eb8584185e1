import { PIXEL_DATA, cloneTree, find } from './dataset.ts';
import type { Tree } from './dataset.ts';
import { mutateFragments, mutatePixelData } from './mutate-pixel-data.ts';
import { STRUCTURE } from './mutate-structure.ts';
import type { TreeOperation } from './mutate-structure.ts';
import { VALUES } from './mutate-values.ts';
import type { Random } from './random.ts';

/** Changes the tree in some places, knowing what they mean; returns the names of what was done. */
export function mutateDataset(original: Tree, random: Random): { tree: Tree; what: string[] } {
  const tree = cloneTree(original);
  const what: string[] = [];
  for (
    let left = random.weighted([
      [6, 1],
      [3, 2],
      [2, 3],
      [1, 5],
    ]);
    left > 0;
    left -= 1
  ) {
    const operation = random.weighted(OPERATIONS);
    operation(tree, random);
    what.push(operation.name);
  }
  return { tree, what };
}

function anyPixelData(tree: Tree, random: Random): void {
  const node = find(tree, PIXEL_DATA);
  if (node === undefined) return;
  if (node.fragments === undefined || random.chance(0.15)) mutatePixelData(tree, node, random);
  else mutateFragments(tree, node, random);
}

const OPERATIONS: readonly TreeOperation[] = [...VALUES, ...STRUCTURE, [14, anyPixelData]];
