import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JoinedGroups } from './joined-groups.ts';

const aGroup = fc.integer({ min: 0, max: 30 }).map((at) => `g${at}`);
const pairs = fc.array(fc.tuple(aGroup, aGroup), { maxLength: 60 });

function joined(all: readonly (readonly [string, string])[]): JoinedGroups {
  const groups = new JoinedGroups();
  for (const [a, b] of all) groups.join(a, b);
  return groups;
}

describe('joined groups', () => {
  it('have one name where a chain of pairs leads from one to the other, and two where none does', () => {
    fc.assert(
      fc.property(pairs, aGroup, aGroup, (all, a, b) => {
        const reached = new Set([a]);
        for (let before = 0; before < reached.size;) {
          before = reached.size;
          for (const [one, other] of all) {
            if (reached.has(one)) reached.add(other);
            if (reached.has(other)) reached.add(one);
          }
        }
        const groups = joined(all);
        expect(groups.nameOf(a) === groups.nameOf(b)).toBe(reached.has(b));
      }),
    );
  });

  it('are called the same in whatever order the pairs come, by the first name of each', () => {
    fc.assert(
      fc.property(pairs, (all) => {
        const [one, other] = [joined(all), joined(all.toReversed().map(([a, b]) => [b, a] as const))];
        for (const [a] of all) expect(one.nameOf(a)).toBe(other.nameOf(a));
        expect(one.joined).toBe(other.joined);
      }),
    );
    expect(
      joined([
        ['b', 'c'],
        ['c', 'a'],
      ]).nameOf('b'),
    ).toBe('a');
    expect(joined([]).nameOf('alone')).toBe('alone');
  });
});
