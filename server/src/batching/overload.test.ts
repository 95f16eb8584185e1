import { describe, expect, it } from 'vitest';
import { createTimedEngine } from '../../test/timed-engine.ts';
import { createVirtualTime } from '../../test/virtual-time.ts';
import { ServerError } from '../errors.ts';
import { createScheduler } from './scheduler.ts';

interface Storm {
  readonly lanes: number;
  readonly maxBatch: number;
  readonly limit: number;
  readonly durationMs: (n: number) => number;
  /** Of what the engine can do at its best. */
  readonly load: number;
  readonly deadlineMs: number;
}

/** Numbers in [0, 1), the same in each run (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SECONDS = 15;

/** Single images that come whether others are answered or not (Poisson), and whose clients leave in time. */
async function weather({ lanes, maxBatch, limit, durationMs, load, deadlineMs }: Storm) {
  const random = createRandom(7);
  const time = createVirtualTime();
  // A fifth up or down.
  const engine = createTimedEngine(time, (n) => durationMs(n) * (0.8 + 0.4 * random()));
  const scheduler = createScheduler({
    infer: engine.infer,
    facts: () => ({ lanes, maxBatch }),
    limit,
    now: time.now,
    after: time.after,
  });
  const perSecond = (lanes * maxBatch * 1_000) / durationMs(maxBatch);
  const counts: Record<string, number> = {};
  const request = async (id: number): Promise<void> => {
    const end = new AbortController();
    const stop = time.after(deadlineMs, () => end.abort(new ServerError('CLIENT_GONE')));
    let code = 'OK';
    try {
      const place = scheduler.enter(1, deadlineMs);
      try {
        await time.sleep(3); // decoding
        await place.infer(Float32Array.of(id), { signal: end.signal });
      } finally {
        place.leave();
      }
    } catch (error) {
      code = error instanceof ServerError ? error.code : String(error);
    }
    stop();
    counts[code] = (counts[code] ?? 0) + 1;
  };
  const all: Promise<void>[] = [];
  const arrive = (): void => {
    if (time.now() > SECONDS * 1_000) return;
    all.push(request(all.length));
    time.after((-Math.log(1 - random()) * 1_000) / (load * perSecond), arrive);
  };
  arrive();
  await time.run();
  await Promise.all(all);
  const answered = counts['OK'] ?? 0;
  const computed = engine.batches.reduce((sum, { ids }) => sum + ids.length, 0);
  return { inTime: answered / (SECONDS * perSecond), wasted: (computed - answered) / computed, counts };
}

const CPU = { lanes: 2, maxBatch: 1, limit: 16, durationMs: () => 60 } as const;
const GPU = { lanes: 1, maxBatch: 32, limit: 128, durationMs: (n: number) => 8 + 1.2 * n } as const;

describe('at three times what the engine can do', () => {
  it.each([
    { given: 'a CPU and a patient client', engine: CPU, deadlineMs: 5_000 },
    { given: 'a CPU and a client that waits for six images', engine: CPU, deadlineMs: 360 },
    {
      given: 'a CPU whose queue is far too long for the deadline',
      engine: { ...CPU, limit: 400 },
      deadlineMs: 500,
    },
    { given: 'a GPU', engine: GPU, deadlineMs: 1_000 },
    { given: 'a GPU and a client that waits for three batches', engine: GPU, deadlineMs: 150 },
  ])('nearly all possible answers come in time, with $given', async ({ engine, deadlineMs }) => {
    const { inTime, wasted } = await weather({ ...engine, load: 3, deadlineMs });
    expect(inTime).toBeGreaterThan(0.95);
    expect(wasted).toBeLessThan(0.02);
  });
});

describe('at half of what the engine can do', () => {
  it.each([
    { given: 'a CPU', engine: CPU },
    { given: 'a GPU', engine: GPU },
  ])('everybody is answered, with $given', async ({ engine }) => {
    const { counts } = await weather({ ...engine, load: 0.5, deadlineMs: 2_000 });
    expect(Object.keys(counts)).toEqual(['OK']);
  });
});
