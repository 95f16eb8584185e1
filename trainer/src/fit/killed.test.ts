/** A process that is killed with SIGKILL, also while it writes. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { fitProcess, type Line } from '../../test/fit-process.ts';
import { scratchDir } from '../../test/scratch.ts';
import { STEPS } from '../../test/small-fit.ts';
import { seededRandom } from '../random.ts';

const scratch = scratchDir('killed');
const INTERVAL = 3;
const KILLS = 7;

let undisturbed: Line | undefined;
beforeAll(async () => {
  undisturbed = (await fitProcess([''])).lines.at(-1);
});

describe('a process that is killed at random moments', () => {
  it.each([1, 2])(
    'loses at most one interval each time, and ends with the curve and weights of the undisturbed one (%i)',
    async (seed) => {
      const dir = join(scratch, String(seed));
      const random = seededRandom('kill', seed);
      const children: (readonly Line[])[] = [];
      const ends = new Set<string>();
      for (let kill = 0; kill <= KILLS; kill += 1) {
        const after = kill === KILLS ? Infinity : 1 + Math.floor(random() * 8);
        const { lines, end } = await killedAfter(dir, after, random() * 10);
        children.push(lines);
        ends.add(end);
      }
      expect(ends).toContain('SIGKILL');
      expect(Math.max(...lostSteps(children))).toBeLessThanOrEqual(INTERVAL);
      expect(children.at(-1)?.at(-1)).toEqual(undisturbed);
      expect(await readdir(dir)).toEqual(['checkpoint-a', 'checkpoint-b']); // what was half written is gone
      // An epoch is told of again only where the kill came before the next checkpoint, and is then the same.
      const told = children.flat().flatMap(({ figures }) => (figures === undefined ? [] : [figures]));
      const curve = [...new Map(told.map((figures) => [figures.epoch, figures])).values()];
      expect(curve).toEqual(undisturbed?.curve);
      for (const figures of told) expect(curve).toContainEqual(figures);
    },
    120_000,
  );
});

function killedAfter(dir: string, after: number, delayMs: number): ReturnType<typeof fitProcess> {
  let steps = 0;
  return fitProcess([dir, { checkpoint: { everySteps: INTERVAL } }], {
    onLine: ({ type }, kill) => {
      if (type === 'step') steps += 1;
      if (type === 'step' && steps === after) setTimeout(kill, delayMs);
    },
  });
}

/** Of each child, by how much it began before where the run had been. */
function lostSteps(children: readonly (readonly Line[])[]): readonly number[] {
  let reached = 0;
  return children.flatMap((lines) => {
    const before = reached;
    const positions = (type: string) => lines.filter((line) => line.type === type).map(positionOf);
    reached = Math.max(reached, ...positions('step'));
    return before - (positions('resumed')[0] ?? 0);
  });
}

function positionOf({ epoch = 0, step = 0 }: Line): number {
  return (epoch - 1) * STEPS + step;
}
