import { describe, expect, it } from 'vitest';
import { createLane } from './lane.ts';

const forever = (): AbortSignal => new AbortController().signal;
const clock = (): { now: () => number; pass: (ms: number) => void } => {
  let time = 0;
  return { now: () => time, pass: (ms) => void (time += ms) };
};

/** A task that ends when it is told to. */
function held<T>(value: T) {
  const end = Promise.withResolvers<T>();
  let started = false;
  const task = (): Promise<T> => {
    started = true;
    return end.promise;
  };
  return { task, finish: () => end.resolve(value), hasStarted: () => started };
}

describe('a lane', () => {
  it('runs one task at a time, in the order of arrival', async () => {
    const lane = createLane({ limit: 5, now: () => 0 });
    const events: string[] = [];
    const task = (name: string) => async (): Promise<void> => {
      events.push(`${name} starts`);
      await new Promise((resolve) => setImmediate(resolve));
      events.push(`${name} ends`);
    };
    await Promise.all(['a', 'b', 'c'].map(async (name) => lane.enter().run(task(name), forever())));
    expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  it('has one place more than may wait, refuses who finds none, and lets in when one was left', () => {
    const lane = createLane({ limit: 2, now: () => 0 });
    const places = [lane.enter(), lane.enter(), lane.enter()];
    const full = expect.objectContaining({ code: 'QUEUE_FULL', retryAfterSeconds: 1 }) as Error;
    expect(() => lane.assertRoom()).toThrow(full);
    expect(() => lane.enter()).toThrow(full);
    places[1]?.leave();
    places[1]?.leave();
    lane.enter();
    expect(() => lane.enter()).toThrow(full);
  });

  it('says when a place should be free, from the time that tasks take', async () => {
    const { now, pass } = clock();
    const lane = createLane({ limit: 1, now });
    const place = lane.enter();
    await place.run(async () => pass(4_000), forever());
    place.leave();
    lane.enter();
    lane.enter();
    expect(() => lane.enter()).toThrow(expect.objectContaining({ retryAfterSeconds: 8 }) as Error);
  });

  it('never starts a task whose caller left while it waited', async () => {
    const lane = createLane({ limit: 2, now: () => 0 });
    const first = held(1);
    const second = held(2);
    const running = lane.enter().run(first.task, forever());
    const caller = new AbortController();
    const waiting = lane.enter().run(second.task, caller.signal);
    expect(lane.depth).toBe(1);
    caller.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    expect(lane.depth).toBe(0);
    const third = lane.enter().run(async () => 3, forever());
    first.finish();
    expect((await running).value).toBe(1);
    expect((await third).value).toBe(3);
    expect(second.hasStarted()).toBe(false);
  });

  it('lets go of a caller whose task runs, but keeps its place and starts the next only when it ended', async () => {
    const lane = createLane({ limit: 1, now: () => 0 });
    const first = held(1);
    const next = held(2);
    const caller = new AbortController();
    const place = lane.enter();
    const abandoned = place.run(first.task, caller.signal);
    const following = lane.enter().run(next.task, forever());
    caller.abort(new Error('late'));
    await expect(abandoned).rejects.toThrow('late');
    place.leave();
    expect(next.hasStarted()).toBe(false);
    expect(() => lane.enter()).toThrow('at most 2');
    first.finish();
    next.finish();
    expect((await following).value).toBe(2);
    lane.enter();
  });

  it('goes on after a task that failed', async () => {
    const lane = createLane({ limit: 3, now: () => 0 });
    const failing = lane.enter().run(async () => {
      throw new Error('broken');
    }, forever());
    const next = lane.enter().run(async () => 'fine', forever());
    await expect(failing).rejects.toThrow('broken');
    expect((await next).value).toBe('fine');
  });

  it('reports the wait of each task, and when all are done', async () => {
    const { now, pass } = clock();
    const lane = createLane({ limit: 3, now });
    const runs = [1, 2].map(async (n) =>
      lane.enter().run(() => Promise.resolve().then(() => pass(n * 10)), forever()),
    );
    await lane.idle();
    expect((await Promise.all(runs)).map((run) => run.waitedMs)).toEqual([0, 10]);
    await lane.idle();
  });
});
