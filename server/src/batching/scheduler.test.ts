import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTimedEngine } from '../../test/timed-engine.ts';
import { createVirtualTime } from '../../test/virtual-time.ts';
import { ServerError } from '../errors.ts';
import type { Inferred, Place } from './place.ts';
import { createScheduler } from './scheduler.ts';

interface Setting {
  readonly lanes?: number;
  readonly maxBatch?: number;
  readonly limit?: number;
  readonly perImageMs?: number;
  readonly fixedMs?: number;
  readonly durationMs?: (n: number) => number;
  readonly selfCheckEvery?: number;
}

function setUp({ lanes = 1, maxBatch = 1, limit = 4, perImageMs = 10, fixedMs = 0, ...rest }: Setting = {}) {
  const time = createVirtualTime();
  const engine = createTimedEngine(time, rest.durationMs ?? ((n) => perImageMs * n + fixedMs));
  const scheduler = createScheduler({
    infer: engine.infer,
    facts: () => ({ lanes, maxBatch }),
    limit,
    selfCheckEvery: rest.selfCheckEvery ?? 0,
    now: time.now,
    after: time.after,
  });
  /** Sizes of all kinds, one after the other, so that the fit knows its line. */
  const teach = async (): Promise<void> => {
    for (let n = 1; n <= maxBatch; n *= 2) {
      for (let again = 0; again < 3; again += 1) {
        const places = Array.from({ length: n }, () => scheduler.enter(1));
        const done = places.map(async (place) => infer(place, 0));
        await time.run();
        await Promise.all(done);
        for (const place of places) place.leave();
      }
    }
  };
  return { time, engine, scheduler, teach };
}

const forever = new AbortController().signal;
const imageOf = (id: number): Float32Array => Float32Array.of(id, 0, 0);
const infer = (place: Place, id: number, signal = forever): Promise<Inferred> =>
  place.infer(imageOf(id), { signal });

function refusal(code: string, retryAfterSeconds?: number): Error {
  return expect.objectContaining({
    code,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  }) as Error;
}

describe('the queue', () => {
  it('lets the engine compute as many images at a time as it has lanes', async () => {
    const { time, engine, scheduler } = setUp({ lanes: 2, limit: 10 });
    const all = [1, 2, 3, 4, 5].map(async (id) => infer(scheduler.enter(1), id));
    expect(scheduler.depth).toBe(3);
    await time.run();
    const answers = await Promise.all(all);
    expect(answers.map(({ probabilities }) => probabilities[0])).toEqual([1, 2, 3, 4, 5]);
    expect(answers.map(({ waitedMs }) => waitedMs)).toEqual([0, 0, 10, 10, 20]);
    expect(engine.mostAtOnce()).toBe(2);
  });

  it('has room for what the engine computes and for what may wait, and says when it is clear', async () => {
    const { scheduler, teach } = setUp({ limit: 2, perImageMs: 1_500 });
    await teach();
    const places = [scheduler.enter(1), scheduler.enter(1), scheduler.enter(1)];
    const full = refusal('QUEUE_FULL', 5); // 4.5 s for the three
    expect(() => scheduler.assertRoom(1)).toThrow(full);
    expect(() => scheduler.enter(1)).toThrow(full);
    places[1]?.leave();
    places[1]?.leave();
    scheduler.enter(1);
    expect(() => scheduler.enter(1)).toThrow(full);
  });

  it('lets in what is larger than itself once nothing else is there', () => {
    const { scheduler } = setUp({ limit: 2 });
    const large = scheduler.enter(8);
    expect(() => scheduler.enter(1)).toThrow(refusal('QUEUE_FULL'));
    large.leave();
    scheduler.enter(1);
  });

  it('never computes an image whose request left while it waited', async () => {
    const { time, engine, scheduler } = setUp();
    const first = infer(scheduler.enter(1), 1);
    const client = new AbortController();
    const second = infer(scheduler.enter(1), 2, client.signal);
    const third = infer(scheduler.enter(1), 3);
    expect(scheduler.depth).toBe(2);
    client.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    expect(scheduler.depth).toBe(1);
    await time.run();
    await Promise.all([first, third]);
    expect(engine.batches.flatMap(({ ids }) => ids)).toEqual([1, 3]);
  });

  it('takes the waiting images of a place that is left out of the queue', async () => {
    const { time, engine, scheduler } = setUp();
    const place = scheduler.enter(3);
    const images = [1, 2, 3].map(async (id) => infer(place, id));
    place.leave();
    const ends = Promise.allSettled(images);
    await time.run();
    expect((await ends).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(engine.batches).toHaveLength(1);
  });

  it('lets go of a caller whose image is computed, but keeps its room until the engine is free of it', async () => {
    const { time, scheduler } = setUp({ limit: 1 });
    const client = new AbortController();
    const place = scheduler.enter(1);
    const abandoned = infer(place, 1, client.signal);
    const next = infer(scheduler.enter(1), 2);
    client.abort(new Error('late'));
    await expect(abandoned).rejects.toThrow('late');
    place.leave();
    expect(() => scheduler.enter(1)).toThrow(refusal('QUEUE_FULL'));
    await time.run();
    expect((await next).waitedMs).toBe(10);
    scheduler.enter(1);
  });

  it('goes on after a batch that failed', async () => {
    const time = createVirtualTime();
    const engine = createTimedEngine(time, () => 10);
    const scheduler = createScheduler({
      infer: async (batch, n) => {
        if (batch[0] === 13) throw new Error('broken');
        return engine.infer(batch, n);
      },
      facts: () => ({ lanes: 1, maxBatch: 1 }),
      limit: 4,
      now: time.now,
    });
    const failing = infer(scheduler.enter(1), 13);
    const next = infer(scheduler.enter(1), 14);
    await expect(failing).rejects.toThrow('broken');
    await time.run();
    expect((await next).probabilities[0]).toBe(14);
    await scheduler.idle();
  });

  it('gives a single image its turn after one image of a series, however long that is', async () => {
    const { time, engine, scheduler } = setUp({ limit: 20 });
    const window = 8;
    const series = scheduler.enter(window);
    let sent = 0;
    const worker = async (): Promise<void> => {
      while (sent < 300) await infer(series, 1_000 + sent++);
    };
    const all = Promise.all(Array.from({ length: window }, worker));
    await time.run(95);
    const single = infer(scheduler.enter(1), 1);
    await time.run();
    await all;
    expect((await single).waitedMs).toBe(15); // the rest of the one that is computed, and one more
    expect(engine.batches).toHaveLength(301);
  });
});

describe('a deadline', () => {
  it('that the queue cannot meet is refused at once, with the time after which it could', async () => {
    const { scheduler, teach } = setUp({ limit: 20, perImageMs: 1_000 });
    await teach();
    for (let n = 0; n < 5; n += 1) scheduler.enter(1);
    expect(() => scheduler.enter(1, 5_999)).toThrow(refusal('DEADLINE_UNREACHABLE', 1));
    expect(() => scheduler.assertRoom(1, 2_500)).toThrow(refusal('DEADLINE_UNREACHABLE', 4));
    scheduler.enter(1, 6_000);
  });

  it('is refused as well where decoding alone takes as long', async () => {
    const { time, scheduler, teach } = setUp({ limit: 20, perImageMs: 10 });
    await teach();
    for (let n = 0; n < 40; n += 1) {
      const place = scheduler.enter(1);
      await time.run(time.now() + 300);
      const answer = infer(place, n);
      await time.run();
      await answer;
      place.leave();
    }
    scheduler.enter(1);
    expect(() => scheduler.enter(1, 250)).toThrow(refusal('DEADLINE_UNREACHABLE'));
    scheduler.enter(1, 350);
  });

  it('that has become unreachable at the image’s turn is not computed for', async () => {
    let ms = 10;
    const { time, engine, scheduler, teach } = setUp({ durationMs: () => ms });
    await teach();
    const before = engine.batches.length;
    ms = 200; // the machine became slow just now
    const first = infer(scheduler.enter(1), 1);
    const second = infer(scheduler.enter(1, 100), 2);
    const third = infer(scheduler.enter(1), 3);
    const ends = Promise.allSettled([first, second, third]);
    await time.run();
    expect((await ends).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await expect(second).rejects.toThrow(refusal('DEADLINE_UNREACHABLE'));
    expect(engine.batches.slice(before).flatMap(({ ids }) => ids)).toEqual([1, 3]);
  });

  it('is tried for by an engine that has nothing else to do, so that it learns of better times', async () => {
    let ms = 500;
    const { time, scheduler, teach } = setUp({ durationMs: () => ms });
    await teach();
    ms = 10;
    for (let n = 0; n < 100; n += 1) {
      const place = scheduler.enter(1, 100);
      const answer = infer(place, n);
      await time.run();
      await answer;
      place.leave();
    }
    const other = scheduler.enter(1, 100);
    expect(() => scheduler.enter(1, 100)).not.toThrow();
    other.leave();
  });
});

describe('a batch', () => {
  it('never waits on an engine that takes one image at a time, or for images that nobody announced', async () => {
    const { time, scheduler, teach } = setUp({ maxBatch: 8, fixedMs: 50, limit: 20 });
    await teach();
    const alone = infer(scheduler.enter(1), 1);
    await time.run();
    expect(await alone).toMatchObject({ waitedMs: 0, batch: 1 });
    const one = setUp({ maxBatch: 1, fixedMs: 50 });
    await one.teach();
    one.scheduler.enter(1); // is decoded
    const first = infer(one.scheduler.enter(1), 1);
    await one.time.run();
    expect((await first).waitedMs).toBe(0);
  });

  it('waits for an image that is being decoded, together no longer than what one batch saves', async () => {
    const { time, scheduler, teach } = setUp({ maxBatch: 8, fixedMs: 50, limit: 20 });
    await teach();
    const [a, b] = [scheduler.enter(1), scheduler.enter(1)];
    const first = infer(a, 1);
    await time.run(time.now() + 20);
    const second = infer(b, 2);
    await time.run();
    expect(await first).toMatchObject({ waitedMs: 20, batch: 2 });
    expect(await second).toMatchObject({ waitedMs: 0, batch: 2 });
    a.leave();
    b.leave();

    const never = scheduler.enter(1);
    const third = infer(scheduler.enter(1), 3);
    await time.run();
    const { waitedMs, batch } = await third;
    expect(batch).toBe(1);
    expect(waitedMs).toBeGreaterThan(40);
    expect(waitedMs).toBeLessThan(51);
    never.leave();
  });

  it('does not wait where the earliest deadline would be missed', async () => {
    const { time, scheduler, teach } = setUp({ maxBatch: 8, fixedMs: 50, limit: 20 });
    await teach();
    scheduler.enter(1);
    const first = infer(scheduler.enter(1, 82), 1); // 70 ms for two
    await time.run();
    expect((await first).waitedMs).toBeLessThan(14);
  });

  it('is no larger than its earliest deadline allows', async () => {
    const { time, scheduler, teach } = setUp({ maxBatch: 8, perImageMs: 10, fixedMs: 10, limit: 20 });
    await teach();
    const running = infer(scheduler.enter(1), 0);
    const hurried = infer(scheduler.enter(1, 75), 1);
    const others = Array.from({ length: 7 }, async (_, id) => infer(scheduler.enter(1), id + 2));
    await time.run();
    await Promise.all([running, ...others]);
    const { batch } = await hurried;
    expect(batch).toBeGreaterThan(1);
    expect(batch).toBeLessThan(6);
  });

  it('is compared with the image alone when nothing else is to do, and reports what differed', async () => {
    const time = createVirtualTime();
    let error = 0;
    const scheduler = createScheduler({
      infer: async (batch, n) => {
        await time.sleep(10);
        const probabilities = Float32Array.from(batch, (value) => value + (n === 1 ? 0 : error));
        return { probabilities, inferMs: 10 };
      },
      facts: () => ({ lanes: 1, maxBatch: 4 }),
      limit: 20,
      selfCheckEvery: 2,
      now: time.now,
      after: time.after,
    });
    const pair = async (): Promise<void> => {
      const places = [scheduler.enter(1), scheduler.enter(1), scheduler.enter(1)];
      const answers = places.map(async (place, at) => infer(place, at / 4));
      await time.run();
      await Promise.all(answers);
      for (const place of places) place.leave();
      await time.run();
      await scheduler.idle();
    };
    await pair();
    await pair();
    expect(scheduler.selfReport).toEqual({ compared: 1, differed: 0, largestDifference: 0 });
    error = 0.25;
    await pair();
    await pair();
    expect(scheduler.selfReport).toEqual({ compared: 2, differed: 1, largestDifference: 0.25 });
  });
});

const CODES = ['OK', 'QUEUE_FULL', 'DEADLINE_UNREACHABLE', 'DEADLINE_EXCEEDED', 'CLIENT_GONE'];

const requests = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 400 }),
    window: fc.integer({ min: 1, max: 4 }),
    images: fc.integer({ min: 1, max: 12 }),
    decodeMs: fc.integer({ min: 0, max: 15 }),
    deadlineMs: fc.option(fc.integer({ min: 20, max: 400 })),
    leavesAfterMs: fc.option(fc.integer({ min: 0, max: 300 }), { freq: 4 }),
  }),
  { minLength: 1, maxLength: 25 },
);

describe('whatever comes', () => {
  it('nothing is lost, doubled or mixed up, a request keeps its order, and the bounds hold', async () => {
    const settings = fc.record({
      lanes: fc.integer({ min: 1, max: 3 }),
      maxBatch: fc.constantFrom(1, 2, 8),
      limit: fc.integer({ min: 1, max: 10 }),
      fixedMs: fc.integer({ min: 0, max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(settings, requests, async (setting, script) => {
        const { time, engine, scheduler } = setUp(setting);
        const most = setting.limit + setting.lanes * setting.maxBatch;
        const runs = script.map(async ({ at, window, images, decodeMs, deadlineMs, leavesAfterMs }, who) => {
          await time.sleep(at);
          const end = new AbortController();
          if (deadlineMs !== null)
            time.after(deadlineMs, () => end.abort(new ServerError('DEADLINE_EXCEEDED')));
          if (leavesAfterMs !== null)
            time.after(leavesAfterMs, () => end.abort(new ServerError('CLIENT_GONE')));
          let answered = 0;
          let code = 'OK';
          let place: Place | undefined;
          let sent = 0;
          const worker = async (room: Place): Promise<void> => {
            while (sent < images) {
              const id = who * 100 + sent++;
              await time.sleep(decodeMs);
              const { probabilities, batch } = await infer(room, id, end.signal);
              expect(probabilities[0]).toBe(id);
              expect(batch).toBeLessThanOrEqual(setting.maxBatch);
              answered += 1;
            }
          };
          try {
            place = scheduler.enter(window, deadlineMs ?? undefined);
            await Promise.all(Array.from({ length: window }, worker.bind(undefined, place)));
          } catch (error) {
            code = error instanceof ServerError ? error.code : String(error);
          } finally {
            place?.leave();
          }
          expect(scheduler.depth).toBeLessThanOrEqual(Math.max(most, 4));
          return { images, answered, code };
        });
        const ends = Promise.all(runs);
        await time.run();
        for (const { images, answered, code } of await ends) {
          expect(CODES).toContain(code);
          expect(code === 'OK' ? answered : images).toBe(images);
        }
        await scheduler.idle();
        const computed = engine.batches.flatMap(({ ids }) => ids);
        expect(new Set(computed).size).toBe(computed.length);
        expect(engine.mostAtOnce()).toBeLessThanOrEqual(setting.lanes);
        for (const who of script.keys()) {
          const own = computed.filter((id) => Math.floor(id / 100) === who);
          expect(own).toEqual(own.toSorted((a, b) => a - b));
        }
        // All room was given back.
        for (let n = 0; n < most; n += 1) scheduler.enter(1);
        expect(() => scheduler.enter(1)).toThrow(refusal('QUEUE_FULL'));
      }),
      { numRuns: 150 },
    );
  });
});
