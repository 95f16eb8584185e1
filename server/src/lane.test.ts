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
    await Promise.all(['a', 'b', 'c'].map((name) => lane.run(task(name), forever())));
    expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  it('refuses a task that would not fit, and takes one when there is room again', async () => {
    const lane = createLane({ limit: 2, now: () => 0 });
    const first = held(1);
    const runs = [first.task, async () => 2, async () => 3].map((task) => lane.run(task, forever()));
    expect(lane.depth).toBe(2);
    expect(() => lane.assertRoom()).toThrow(
      expect.objectContaining({ code: 'QUEUE_FULL', retryAfterSeconds: 1 }),
    );
    await expect(lane.run(async () => 4, forever())).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    first.finish();
    await Promise.all(runs);
    expect((await lane.run(async () => 4, forever())).value).toBe(4);
  });

  it('says when a place should be free, from the time that tasks take', async () => {
    const { now, pass } = clock();
    const lane = createLane({ limit: 1, now });
    await lane.run(async () => pass(4_000), forever());
    const first = held(1);
    const runs = [lane.run(first.task, forever()), lane.run(async () => 2, forever())];
    await expect(lane.run(async () => 3, forever())).rejects.toMatchObject({ retryAfterSeconds: 8 });
    first.finish();
    await Promise.all(runs);
  });

  it('never starts a task whose caller left while it waited, and gives its place away', async () => {
    const lane = createLane({ limit: 1, now: () => 0 });
    const first = held(1);
    const second = held(2);
    const running = lane.run(first.task, forever());
    const caller = new AbortController();
    const waiting = lane.run(second.task, caller.signal);
    caller.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    expect(lane.depth).toBe(0);
    const third = lane.run(async () => 3, forever());
    first.finish();
    expect((await running).value).toBe(1);
    expect((await third).value).toBe(3);
    expect(second.hasStarted()).toBe(false);
  });

  it('lets go of a caller at once when the running task is abandoned, but starts the next only after it', async () => {
    const lane = createLane({ limit: 3, now: () => 0 });
    const first = held(1);
    const next = held(2);
    const caller = new AbortController();
    const abandoned = lane.run(first.task, caller.signal);
    const following = lane.run(next.task, forever());
    caller.abort(new Error('late'));
    await expect(abandoned).rejects.toThrow('late');
    expect(next.hasStarted()).toBe(false);
    first.finish();
    next.finish();
    expect((await following).value).toBe(2);
  });

  it('goes on after a task that failed', async () => {
    const lane = createLane({ limit: 3, now: () => 0 });
    const failing = lane.run(async () => {
      throw new Error('broken');
    }, forever());
    const next = lane.run(async () => 'fine', forever());
    await expect(failing).rejects.toThrow('broken');
    expect((await next).value).toBe('fine');
  });

  it('reports the wait of each task and when all are done', async () => {
    const { now, pass } = clock();
    const lane = createLane({ limit: 3, now });
    const runs = [1, 2].map((n) => lane.run(() => Promise.resolve().then(() => pass(n * 10)), forever()));
    await lane.idle();
    expect((await Promise.all(runs)).map((run) => run.waitedMs)).toEqual([0, 10]);
    await lane.idle();
  });
});
