/** A run that is stopped anywhere and goes on ends as if nothing had been. */
import { readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { curveOf, fitSmall, RECIPE, STEPS, type Ran } from '../../test/small-fit.ts';
import { folderCheckpoints } from '../checkpoint/folder.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
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

describe('a run with checkpoints', () => {
  it('is the same as one without, at every interval', async () => {
    for (const everySteps of [1, 2, 3, 7]) {
      const ran = await fitSmall({
        ...run,
        checkpoint: on(join(scratch, `every-${everySteps}`), { everySteps }),
      });
      expect(ran).toEqual(undisturbed);
    }
  });

  it('keeps one after every epoch, and inside after the time that was asked for', async () => {
    const ends = [2, 3, 4, 5].map((epoch) => [epoch, 0]);
    expect(await savedAt(on(join(scratch, 'ends')), () => 0)).toEqual(ends);
    let time = 0;
    const inside = await savedAt(on(join(scratch, 'inside'), { everyMs: 1 }), () => (time += 1));
    expect(inside).toContainEqual([1, 1]);
    expect(inside.length).toBeGreaterThan(ends.length);
  });

  it('spends at most a tenth of its time on them', async () => {
    let time = 0;
    const slow = folderCheckpoints(join(scratch, 'slow'));
    const store: CheckpointStore = {
      ...slow,
      save: async (...given) => {
        time += 1000;
        return slow.save(...given);
      },
    };
    const events: CheckpointEvent[] = [];
    const onStep = (): void => {
      time += 900;
    };
    await fitSmall({
      ...run,
      checkpoint: { store, key: 'k', everyMs: 1 },
      now: () => time,
      onStep,
      onEvent: (event) => events.push(event),
    });
    // 20 steps of 0.9 s: one after the first step, one ten steps later, and the last, which is always kept.
    expect(events).toHaveLength(3);
  });

  it('that has ended trains no more: it gives what it gave', async () => {
    const dir = join(scratch, 'ended');
    await fitSmall({ ...run, checkpoint: on(dir) });
    let steps = 0;
    let again: readonly Epoch[] = [];
    const events: CheckpointEvent[] = [];
    const ran = await fitSmall({
      ...run,
      checkpoint: on(dir),
      onEvent: (event) => events.push(event),
      onStep: () => {
        steps += 1;
      },
      onResume: (epochs) => {
        again = epochs;
      },
    });
    expect(steps).toBe(0);
    expect(events).toEqual([{ type: 'resumed', epoch: 5, step: 0 }]); // and nothing is kept again
    expect(ran).toEqual(undisturbed);
    expect(again).toEqual(undisturbed.fitted.epochs);
  });

  it('that was asked to end goes on where it is asked no more, as a trial that is promoted', async () => {
    const dir = join(scratch, 'asked');
    const first = await fitSmall({ ...run, checkpoint: on(dir), onEpoch: () => 'stop' });
    expect(first.fitted.ended).toBe('asked');
    const second = await fitSmall({ ...run, checkpoint: on(dir) });
    expect(second).toEqual(undisturbed);
  });

  it('measures again, and tells again, where it was stopped while it told of an epoch', async () => {
    const dir = join(scratch, 'telling');
    const away = new Error('MLflow is away');
    const onEpoch = ({ epoch }: Epoch): void => {
      if (epoch === 2) throw away;
    };
    await expect(fitSmall({ ...run, checkpoint: on(dir), onEpoch })).rejects.toBe(away);
    const events: CheckpointEvent[] = [];
    const told: Epoch[] = [];
    await fitSmall({
      ...run,
      checkpoint: on(dir),
      onEvent: (event) => events.push(event),
      onEpoch: (epoch) => void told.push(epoch),
    });
    expect(events[0]).toEqual({ type: 'resumed', epoch: 2, step: STEPS });
    expect(curveOf(told)).toEqual(curveOf(undisturbed.fitted.epochs.slice(1)));
  });

  it('keeps nothing when it is told not to, nor where it diverged', async () => {
    const events: CheckpointEvent[] = [];
    const onEvent = (event: CheckpointEvent): void => void events.push(event);
    const checkpoint = on(join(scratch, 'not-on-stop'), { saveOnStop: false });
    await stopped({ checkpoint, onEvent }, 3, new Map());
    const features = {
      rows: (indices: ArrayLike<number>) => new Float32Array(indices.length * 64).fill(NaN),
    };
    const lost = fitSmall({ ...run, features, checkpoint: on(join(scratch, 'diverged')), onEvent });
    await expect(lost).rejects.toMatchObject({ code: 'TRAINING_DIVERGED' });
    expect(events).toEqual([]);
  });
});

describe('a checkpoint that is damaged', () => {
  it.each([
    ['the newest: the run goes on from the one before', 1, { type: 'resumed', epoch: 2, step: 4 }],
    ['both: the run starts at its beginning', 2, undefined],
  ] as const)('(%s), says so, and ends as the undisturbed one', async (name, harmed, resumed) => {
    const dir = join(scratch, `damaged-${name.slice(0, 4)}`);
    await stopped({ checkpoint: on(dir, { everySteps: 3, saveOnStop: false }) }, 13, new Map());
    // Of steps 9 and 12, at four steps of the second epoch and two of the third.
    const names = await newestFirst(dir);
    for (const file of names.slice(0, harmed)) await truncate(join(dir, file), 1000);
    const events: CheckpointEvent[] = [];
    const ran = await fitSmall({ ...run, checkpoint: on(dir), onEvent: (event) => events.push(event) });
    expect(events.filter(({ type }) => type === 'checkpoint-refused')).toHaveLength(harmed);
    expect(events.find(({ type }) => type === 'resumed')).toEqual(resumed);
    expect(ran.weights).toBe(undisturbed.weights);
    expect(curveOf(ran.fitted.epochs)).toEqual(curveOf(undisturbed.fitted.epochs));
  });
});

describe('a checkpoint of something else', () => {
  it.each([
    ['another run', { key: 'other' }, {}, 'it is of a run with other data, another recipe or another base'],
    ['another optimiser', {}, { recipe: { ...recipe, optimizer: 'sgd' } }, 'its tensors are not those of'],
  ] as const)(
    '(%s) is refused, said and replaced, and the run starts at its beginning',
    async (name, own, changes, why) => {
      const dir = join(scratch, `refused-${name.slice(8)}`);
      await stopped({ checkpoint: on(dir, own) }, 12, new Map());
      const events: CheckpointEvent[] = [];
      const epochs: number[] = [];
      await fitSmall({
        ...run,
        ...changes,
        checkpoint: on(dir),
        onEvent: (event) => events.push(event),
        onEpoch: ({ epoch }) => void epochs.push(epoch),
      });
      expect(events.filter(({ type }) => type === 'checkpoint-refused')).toEqual(
        expect.arrayContaining([
          { type: 'checkpoint-refused', why: expect.stringContaining(why) as string },
        ]) as unknown,
      );
      expect(epochs).toEqual([1, 2, 3, 4]);
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

/** Epoch and step of every checkpoint of a whole run. */
async function savedAt(checkpoint: CheckpointOptions, now: () => number): Promise<readonly unknown[]> {
  const events: CheckpointEvent[] = [];
  await fitSmall({ ...run, checkpoint, now, onEvent: (event) => events.push(event) });
  return events.map((event) => (event.type === 'checkpoint' ? [event.epoch, event.step] : event.type));
}

async function newestFirst(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir);
  const texts = await Promise.all(names.map((name) => readFile(join(dir, name), 'latin1')));
  return names.toSorted((a, b) => epochIn(texts[names.indexOf(b)]) - epochIn(texts[names.indexOf(a)]));
}

function epochIn(text = ''): number {
  return Number(/"epoch":(\d+),"step"/.exec(text)?.[1]);
}
