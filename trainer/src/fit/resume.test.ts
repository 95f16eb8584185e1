/** A run that is stopped anywhere and goes on ends as if nothing had been. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { curveOf, fitSmall, RECIPE, STEPS, type Ran } from '../../test/small-fit.ts';
import { folderCheckpoints } from '../checkpoint/folder.ts';
import type { Epoch } from './epoch.ts';
import type { FitOptions } from './fit.ts';
import type { CheckpointEvent, CheckpointOptions } from './keeper.ts';

const scratch = scratchDir('resume');
const recipe = { ...RECIPE, schedule: 'plateau', warmupEpochs: 1, patience: 3 } as const;
const run = { recipe, l2: 1e-3, copies: 2 };
let undisturbed: Ran;
beforeAll(async () => {
  undisturbed = await fitSmall(run);
});

const ALL = RECIPE.epochs * STEPS;

describe('a run that is stopped', () => {
  it.each(Array.from({ length: ALL }, (_, at) => at + 1))(
    'after step %i goes on from exactly there and ends as the undisturbed one',
    async (stopAfter) => {
      const dir = join(scratch, `stop-${stopAfter}`);
      const events: CheckpointEvent[] = [];
      const told = new Map<number, Epoch>();
      const first = await stopped({ checkpoint: on(dir) }, stopAfter, told);
      // After the last step there is still the last epoch to measure.
      expect(first).toBe('stopped');
      const second = await fitSmall({
        ...run,
        checkpoint: on(dir),
        onEvent: (event) => events.push(event),
        onEpoch: (epoch) => {
          expect(told).not.toContain(epoch.epoch);
          told.set(epoch.epoch, epoch);
        },
      });
      const epoch = Math.ceil(stopAfter / STEPS);
      expect(events[0]).toEqual({ type: 'resumed', epoch, step: stopAfter - (epoch - 1) * STEPS });
      expect(second.weights).toBe(undisturbed.weights);
      expect(curveOf(second.fitted.epochs)).toEqual(curveOf(undisturbed.fitted.epochs));
      expect(curveOf([...told.values()])).toEqual(curveOf(undisturbed.fitted.epochs));
    },
  );
});

function on(dir: string, changes: Partial<CheckpointOptions> = {}): CheckpointOptions {
  return { store: folderCheckpoints(dir), key: 'k', ...changes };
}

/** Runs until the signal comes after so many steps. */
async function stopped(
  changes: Partial<FitOptions>,
  stopAfter: number,
  told: Map<number, Epoch>,
): Promise<'stopped' | 'ended'> {
  const stop = new AbortController();
  let steps = 0;
  try {
    await fitSmall({
      ...run,
      signal: stop.signal,
      onStep: () => {
        steps += 1;
        if (steps === stopAfter) stop.abort(new Error('stopped'));
      },
      onEpoch: (epoch) => void told.set(epoch.epoch, epoch),
      ...changes,
    });
    return 'ended';
  } catch (error) {
    if (!stop.signal.aborted || error !== stop.signal.reason) throw error;
    return 'stopped';
  }
}
