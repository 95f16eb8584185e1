import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTurns } from './turns.ts';

type Step = { readonly do: 'add' | 'remove'; readonly owner: number } | { readonly do: 'take' };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('add' as const), owner: fc.integer({ min: 0, max: 5 }) }),
    fc.record({ do: fc.constant('remove' as const), owner: fc.integer({ min: 0, max: 5 }) }),
    fc.record({ do: fc.constant('take' as const) }),
  ),
  { maxLength: 200 },
);

/** Items are `owner:number`, numbered as they come. */
function play(script: readonly Step[]) {
  const turns = createTurns<number, string>();
  const added: string[] = [];
  const removed: string[] = [];
  const taken: string[] = [];
  let isPeekRight = true;
  for (const step of script) {
    if (step.do === 'add') {
      const item = `${step.owner}:${added.length}`;
      added.push(item);
      turns.add(step.owner, item);
    } else if (step.do === 'remove') {
      const item = added.findLast((candidate) => candidate.startsWith(`${step.owner}:`)) ?? 'none';
      if (turns.remove(step.owner, item)) removed.push(item);
    } else {
      const next = turns.peek();
      const item = turns.take();
      isPeekRight &&= item === next;
      if (item !== undefined) taken.push(item);
    }
    expect(turns.size).toBe(added.length - removed.length - taken.length);
    expect([...turns]).toHaveLength(turns.size);
  }
  expect(isPeekRight).toBe(true);
  return { turns, added, removed, taken };
}

const numberOf = (item: string): number => Number(item.split(':')[1]);

describe('turns', () => {
  it('lose nothing, double nothing, and keep the order of each owner', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const { turns, added, removed, taken } = play(script);
        for (let item = turns.take(); item !== undefined; item = turns.take()) taken.push(item);
        expect([...taken, ...removed].toSorted()).toEqual(added.toSorted());
        for (let owner = 0; owner <= 5; owner += 1) {
          const own = taken.filter((item) => item.startsWith(`${owner}:`)).map(numberOf);
          expect(own).toEqual(own.toSorted((a, b) => a - b));
        }
      }),
    );
  });

  it('give an owner that comes last its turn after one item of each other', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 60 }), (owners) => {
        const turns = createTurns<number, number>();
        for (const owner of owners) turns.add(owner, owner);
        turns.add(9, 9);
        const before: (number | undefined)[] = [];
        for (let item = turns.take(); item !== 9; item = turns.take()) before.push(item);
        expect(before).toHaveLength(new Set(owners).size);
        expect(new Set(before)).toEqual(new Set(owners));
      }),
    );
  });

  it('take out all of one owner', () => {
    const turns = createTurns<string, number>();
    turns.add('a', 1);
    turns.add('b', 2);
    turns.add('a', 3);
    expect(turns.removeAll('a')).toEqual([1, 3]);
    expect(turns.removeAll('a')).toEqual([]);
    expect([turns.size, turns.take(), turns.take()]).toEqual([1, 2, undefined]);
  });
});
