/**
 * The small run as a process of its own, to be killed: `fit-child.ts <folder of checkpoints> <changes as JSON>`. Tells
 * of steps, epochs and events as JSON lines, and at its end of the curve and the digest of the weights.
 */
import { writeSync } from 'node:fs';
import { folderCheckpoints } from '../src/checkpoint/folder.ts';
import type { CheckpointOptions } from '../src/fit/keeper.ts';
import type { FitRecipe } from '../src/recipe.ts';
import { curveOf, fitSmall, RECIPE } from './small-fit.ts';

interface Changes {
  readonly recipe?: Partial<FitRecipe>;
  readonly checkpoint?: Partial<CheckpointOptions>;
}

const [dir, changes = '{}'] = process.argv.slice(2);
const { recipe, checkpoint } = JSON.parse(changes) as Changes;
// Not by the stream, which a SIGKILL would empty only in part.
const say = (line: unknown): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const { fitted, weights } = await fitSmall({
  recipe: { ...RECIPE, ...recipe },
  l2: 1e-3,
  copies: 2,
  ...(dir === undefined || dir === ''
    ? {}
    : { checkpoint: { store: folderCheckpoints(dir), key: 'child', ...checkpoint } }),
  onStep: ({ epoch, step }) => say({ type: 'step', epoch, step }),
  onEpoch: (epoch) => say({ type: 'epoch', figures: curveOf([epoch])[0] }),
  onEvent: say,
});
say({ type: 'end', weights, curve: curveOf(fitted.epochs) });
