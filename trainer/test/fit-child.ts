/**
 * The small run as a process of its own, to be killed: `fit-child.ts <folder of checkpoints> <changes as JSON>`. Tells
 * of steps, epochs and events as JSON lines, and at its end of the curve and the digest of the weights.
 */
import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { folderCheckpoints } from '../src/checkpoint/folder.ts';
import type { CheckpointOptions } from '../src/fit/keeper.ts';
import type { FitRecipe } from '../src/recipe.ts';
import { curveOf, fitSmall, RECIPE } from './small-fit.ts';

interface Changes {
  readonly recipe?: Partial<FitRecipe>;
  readonly checkpoint?: Partial<CheckpointOptions>;
  /** Fills the folder's file system, until so many steps are done. */
  readonly fullUntilStep?: number;
}

const [dir = '', changes = '{}'] = process.argv.slice(2);
const { recipe, checkpoint, fullUntilStep } = JSON.parse(changes) as Changes;
// Not by the stream, which a SIGKILL would empty only in part.
const say = (line: unknown): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const ballast = join(dir, 'ballast');
if (fullUntilStep !== undefined) fill(ballast);
let steps = 0;
const { fitted, weights } = await fitSmall({
  recipe: { ...RECIPE, ...recipe },
  l2: 1e-3,
  copies: 2,
  ...(dir === '' ? {} : { checkpoint: { store: folderCheckpoints(dir), key: 'child', ...checkpoint } }),
  onStep: ({ epoch, step }) => {
    say({ type: 'step', epoch, step });
    steps += 1;
    if (steps === fullUntilStep) rmSync(ballast);
  },
  onEpoch: (epoch) => say({ type: 'epoch', figures: curveOf([epoch])[0] }),
  onEvent: say,
});
const files = fullUntilStep === undefined ? {} : { files: readdirSync(dir).toSorted() };
say({ type: 'end', weights, curve: curveOf(fitted.epochs), ...files });

/** Writes until there is no room. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    closeSync(file);
  }
}
