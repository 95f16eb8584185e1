import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQueue, type Queue } from './queue.ts';
import { createFakeClock, settle } from './test/fake-clock.ts';

const never = new AbortController().signal;

/** What could be taken now, without waiting. */
async function takeAll(queue: Queue): Promise<string[]> {
  const keys: string[] = [];
  while (queue.depth > 0) keys.push((await queue.take(never)) ?? '');
  return keys;
}

describe('queue', () => {
  it('gives a key once, however often it was added while it waited', async () => {
    const queue = createQueue({ clock: createFakeClock() });
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    expect(await takeAll(queue)).toEqual(['a', 'b']);
  });

  it('gives a key again after it is done when it was added meanwhile, and not before', async () => {
    const queue = createQueue({ clock: createFakeClock() });
    queue.add('a');
    expect(await takeAll(queue)).toEqual(['a']);
    queue.add('a');
    queue.add('a');
    expect(await takeAll(queue)).toEqual([]);
    queue.done('a');
    expect(await takeAll(queue)).toEqual(['a']);
    queue.done('a');
    expect(await takeAll(queue)).toEqual([]);
  });

  it('wakes one waiting worker per key', async () => {
    const queue = createQueue({ clock: createFakeClock() });
    const got: string[] = [];
    const workers = [1, 2, 3].map(async () => got.push((await queue.take(never)) ?? 'none'));
    queue.add('a');
    queue.add('b');
    await settle();
    expect(got).toEqual(['a', 'b']);
    const drained = queue.drain();
    queue.done('a');
    queue.done('b');
    await Promise.all([drained, ...workers]);
    expect(got).toEqual(['a', 'b', 'none']);
  });

  it('stops waiting when the signal aborts', async () => {
    const queue = createQueue({ clock: createFakeClock() });
    const stop = new AbortController();
    const taken = queue.take(stop.signal);
    stop.abort();
    expect(await taken).toBeUndefined();
  });

  it('holds the shortest of several waits, and a plain add ends the wait', async () => {
    const clock = createFakeClock();
    const queue = createQueue({ clock });
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 5_000);
    await clock.advance(999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await takeAll(queue)).toEqual(['a']);
    queue.done('a');
    await clock.advance(10_000);
    expect(queue.depth).toBe(0);

    queue.addAfter('a', 1_000);
    queue.add('a');
    expect(await takeAll(queue)).toEqual(['a']);
    queue.done('a');
    expect(clock.timers).toBe(0);
  });

  it('backs off from 250 ms to 5 min for each key by itself, and forgets', () => {
    const queue = createQueue({ clock: createFakeClock() });
    const waits = Array.from({ length: 13 }, () => queue.addRateLimited('bad'));
    expect(waits.slice(0, 4)).toEqual([250, 500, 1_000, 2_000]);
    expect(waits.slice(-2)).toEqual([300_000, 300_000]);
    expect(queue.addRateLimited('other')).toBe(250);
    queue.forget('bad');
    expect(queue.addRateLimited('bad')).toBe(250);
  });

  it('drains: hands out nothing more, drops what waits, and ends when the work under way is done', async () => {
    const clock = createFakeClock();
    const queue = createQueue({ clock });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    queue.addAfter('d', 1_000);
    await queue.take(never);
    await queue.take(never);
    let drained = false;
    const draining = queue.drain().then(() => (drained = true));
    queue.add('e');
    expect(await queue.take(never)).toBeUndefined();
    queue.done('a');
    await settle();
    expect(drained).toBe(false);
    queue.done('b');
    await draining;
    await clock.advance(2_000);
    expect([queue.depth, queue.active, clock.timers]).toEqual([0, 0, 0]);
  });

  it('tells how long a key was ready', async () => {
    const clock = createFakeClock();
    const waits: number[] = [];
    const queue = createQueue({ clock, onTaken: (ms) => waits.push(ms) });
    queue.addAfter('a', 1_000);
    await clock.advance(1_400);
    await queue.take(never);
    expect(waits).toEqual([400]);
  });

  it('never works on one key twice at once, and works on every key after its last add', async () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      op: fc.constantFrom('add', 'addAfter', 'addRateLimited', 'take', 'done', 'advance'),
      ms: fc.integer({ min: 0, max: 900 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = createFakeClock();
        const queue = createQueue({ clock });
        const active = new Set<string>();
        const owed = new Set<string>();
        const take = async (): Promise<void> => {
          if (queue.depth === 0) return;
          const key = (await queue.take(never)) ?? '';
          expect(active.has(key)).toBe(false);
          active.add(key);
          owed.delete(key);
        };
        for (const { op, key, ms } of steps) {
          if (op === 'take') await take();
          else if (op === 'advance') await clock.advance(ms);
          else if (op === 'done') {
            if (active.delete(key)) queue.done(key);
          } else {
            owed.add(key);
            if (op === 'add') queue.add(key);
            if (op === 'addAfter') queue.addAfter(key, ms);
            if (op === 'addRateLimited') queue.addRateLimited(key);
          }
        }
        for (const key of active) queue.done(key);
        active.clear();
        await clock.advance(300_000);
        while (queue.depth > 0) await take();
        expect([...owed]).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
