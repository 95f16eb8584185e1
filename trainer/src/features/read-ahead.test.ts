import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAhead } from './read-ahead.ts';

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const result of results) list.push(result);
  return list;
}

describe('readAhead', () => {
  it('gives every result in order, whichever is ready first, and never has more under way than it may', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (delays, ahead) => {
          let [running, most] = [0, 0];
          const results = readAhead([...delays.entries()], ahead, async ([index, delay]) => {
            running += 1;
            most = Math.max(most, running);
            await sleep(delay);
            running -= 1;
            return index;
          });
          expect(await all(results)).toEqual([...delays.keys()]);
          expect(most).toBeLessThanOrEqual(ahead);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('throws the first failure in order once nothing runs any more, and begins nothing further', async () => {
    const begun: number[] = [];
    let running = 0;
    const results = readAhead([0, 1, 2, 3, 4, 5, 6], 3, async (item) => {
      begun.push(item);
      running += 1;
      await sleep(item === 2 ? 1 : 5);
      running -= 1;
      if (item === 1 || item === 2) throw new Error(`item ${item}`);
      return item;
    });
    await expect(all(results)).rejects.toThrow('item 1');
    expect(running).toBe(0);
    expect(begun).toEqual([0, 1, 2, 3]);
  });
});
